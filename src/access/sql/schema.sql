-- The secret under which a workspace's references and addresses are hashed. It is made once and never changes:
-- with another key no suppressed address would be found again.
CREATE SCHEMA access;

CREATE TABLE access.workspace_keys (
    workspace_id text PRIMARY KEY,
    key bytea NOT NULL CHECK (octet_length(key) = 32),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A key is made and read where commands are carried out, and never changed or deleted.
GRANT USAGE ON SCHEMA access TO drumbeat_write;
GRANT SELECT, INSERT (workspace_id, key) ON access.workspace_keys TO drumbeat_write;
