-- The workspaces there are. Their streams in the log are the truth; these rows are what lists show.
CREATE TABLE access.workspaces (
    workspace_id text PRIMARY KEY CHECK (workspace_id ~ '^[a-z][a-z0-9-]{0,39}$'),
    name         text NOT NULL,
    made_at      timestamptz NOT NULL,
    made_by      text NOT NULL
);

INSERT INTO access.workspaces (workspace_id, name, made_at, made_by)
VALUES ('default', 'default', clock_timestamp(), 'drumbeat');

-- The keys of the API. Of a secret only its SHA-256 is here: it has 256 random bits, so no salt and no slow hash is
-- needed. After a rotation the secret before works until `old_secret_until`.
CREATE TABLE access.api_keys (
    key_id           uuid PRIMARY KEY,
    workspace_id     text NOT NULL,
    name             text NOT NULL,
    scopes           text[] NOT NULL,       -- read | write | operate | impersonate
    secret_hash      bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    old_secret_hash  bytea CHECK (octet_length(old_secret_hash) = 32),
    old_secret_until timestamptz,
    expires_at       timestamptz,           -- null: never
    made_at          timestamptz NOT NULL,
    made_by          text NOT NULL,
    rotated_at       timestamptz,
    revoked_at       timestamptz,
    last_used_at     timestamptz,           -- at most a minute old, and written by whoever authenticates
    UNIQUE (workspace_id, name)
);

-- Whoever authenticates finds keys and notes their use, and may do nothing else.
GRANT USAGE ON SCHEMA access TO drumbeat_keys;
GRANT SELECT, UPDATE (last_used_at) ON access.api_keys TO drumbeat_keys;

-- Keys and workspaces are made where commands are carried out; none is ever deleted.
GRANT SELECT, INSERT ON access.workspaces TO drumbeat_write;
GRANT SELECT, INSERT, UPDATE (secret_hash, old_secret_hash, old_secret_until, rotated_at, revoked_at)
    ON access.api_keys TO drumbeat_write;
