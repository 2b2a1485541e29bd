-- name: workspace_key
-- The key of a workspace; the one offered is kept when it has none yet. No row: another process made one at this
-- very moment, which this statement's snapshot cannot see; ask again.
WITH made AS (
    INSERT INTO access.workspace_keys (workspace_id, key)
    VALUES (%(workspace_id)s, %(offered)s)
    ON CONFLICT (workspace_id) DO NOTHING
    RETURNING key
)
SELECT key FROM made
UNION ALL
SELECT key FROM access.workspace_keys WHERE workspace_id = %(workspace_id)s
LIMIT 1
