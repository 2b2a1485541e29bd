-- A key is made and read where commands are carried out, and never changed or deleted.
GRANT USAGE ON SCHEMA access TO drumbeat_write;
GRANT SELECT, INSERT (workspace_id, key) ON access.workspace_keys TO drumbeat_write;
