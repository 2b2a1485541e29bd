-- name: unwalled
-- Tables of a generation whose rows belong to workspaces and which have no policy yet.
SELECT relname FROM pg_class
WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r' AND NOT relrowsecurity AND EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'workspace_id' AND NOT attisdropped
)
ORDER BY relname;

-- name: wall_table
-- Whoever reads for a workspace sees its rows, and none when no workspace is set. Policies, where a projection grants
-- them a table, see all rows and may hold them, and change none. The owner is not subject to this: COPY refuses to be.
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_workspace ON {table} FOR SELECT TO drumbeat_read
    USING (workspace_id = current_setting('drumbeat.workspace_id', true));
CREATE POLICY seen_by_policies ON {table} FOR SELECT TO drumbeat_policies USING (true);
CREATE POLICY held_by_policies ON {table} FOR UPDATE TO drumbeat_policies USING (true) WITH CHECK (false);
GRANT SELECT ON {table} TO drumbeat_read;

-- name: open_schema
-- A generation's tables can be named; each is granted by itself.
GRANT USAGE ON SCHEMA {generation} TO drumbeat_read, drumbeat_policies;

-- name: unwalled_views
-- Views that would look at their tables with their owner's eyes. A view that is replaced is one again.
SELECT relname FROM pg_class
WHERE relnamespace = 'live'::regnamespace AND relkind = 'v'
    AND NOT coalesce(reloptions @> ARRAY['security_invoker=true'], false)
ORDER BY relname;

-- name: wall_view
-- A view looks at its tables with the eyes of whoever asks.
ALTER VIEW live.{view} SET (security_invoker = true);
GRANT SELECT ON live.{view} TO drumbeat_read;
