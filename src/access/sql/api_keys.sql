-- name: put_workspace
-- A workspace as its stream says; again it changes nothing.
INSERT INTO access.workspaces (workspace_id, name, made_at, made_by)
VALUES (%(workspace_id)s, %(name)s, %(at)s, %(by)s)
ON CONFLICT (workspace_id) DO NOTHING

-- name: workspaces
-- All of them, by id, with how many keys of each are not revoked.
SELECT w.workspace_id, w.name, w.made_at, w.made_by,
       (SELECT count(*) FROM access.api_keys k WHERE k.workspace_id = w.workspace_id AND k.revoked_at IS NULL) AS keys
FROM access.workspaces w
ORDER BY w.workspace_id

-- name: put_key
-- A key with a new secret. One that is there keeps its old secret until then; a secret before that is forgotten.
INSERT INTO access.api_keys (key_id, workspace_id, name, scopes, secret_hash, expires_at, made_at, made_by)
VALUES (%(key_id)s, %(workspace_id)s, %(name)s, %(scopes)s, %(secret_hash)s, %(expires_at)s, %(at)s, %(by)s)
ON CONFLICT (key_id) DO UPDATE SET
    old_secret_hash = api_keys.secret_hash,
    old_secret_until = %(old_secret_until)s,
    secret_hash = excluded.secret_hash,
    rotated_at = excluded.made_at
RETURNING key_id, workspace_id, name, scopes, expires_at, made_at, made_by, rotated_at, old_secret_until, revoked_at,
          last_used_at

-- name: revoke
-- A key works no more. The first time counts.
UPDATE access.api_keys SET revoked_at = coalesce(revoked_at, %(at)s), old_secret_hash = NULL, old_secret_until = NULL
WHERE workspace_id = %(workspace_id)s AND (name = %(key)s OR key_id::text = %(key)s)

-- name: keys
-- The keys of a workspace, in the order in which they were made.
SELECT key_id, workspace_id, name, scopes, expires_at, made_at, made_by, rotated_at, old_secret_until, revoked_at,
       last_used_at
FROM access.api_keys
WHERE workspace_id = %(workspace_id)s
ORDER BY made_at, name

-- name: key
-- What a token is compared with.
SELECT key_id, workspace_id, name, scopes, secret_hash, old_secret_hash, old_secret_until, expires_at, revoked_at
FROM access.api_keys
WHERE key_id = %(key_id)s

-- name: touch
-- A key was used. Of several processes that say so the newest is kept.
UPDATE access.api_keys SET last_used_at = greatest(last_used_at, %(at)s) WHERE key_id = %(key_id)s
