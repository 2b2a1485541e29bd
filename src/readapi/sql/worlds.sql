-- name: exists
-- Whether there is such a campaign in the workspace, deleted or not.
SELECT c.campaign_id FROM live.campaigns c
WHERE c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s

-- name: streams
-- The streams of a campaign that its lists show anything of, beside its own: whoever is or was a contact, and whose
-- enrolment was refused.
SELECT c.contact_id FROM live.contacts c
WHERE c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s
UNION
SELECT a.contact_id FROM live.activity a
WHERE a.workspace_id = %(workspace_id)s AND a.campaign_id = %(campaign_id)s AND a.contact_id IS NOT NULL
UNION
SELECT h.stream_id FROM live.history h
WHERE h.workspace_id = %(workspace_id)s AND h.campaign_id = %(campaign_id)s AND h.stream_id <> %(campaign_id)s
LIMIT %(limit)s

-- name: erased
-- The contacts of a campaign who have been erased.
SELECT c.contact_id FROM live.contacts c
WHERE c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s AND c.erased

-- name: named
-- The streams that the campaign's own events name, and that its answers show: its numbers, its business hours.
SELECT sender_id FROM campaign_senders
UNION
SELECT schedule_id FROM campaigns WHERE schedule_id IS NOT NULL

-- name: only_own
-- Tables and views are made in the session's own schema, and found there.
SELECT set_config('search_path', 'pg_temp', false)

-- name: own_schema
-- The schema of the session's own tables.
SELECT nspname FROM pg_catalog.pg_namespace WHERE oid = pg_my_temp_schema()

-- name: with_workspaces
-- The session's own tables whose rows belong to workspaces.
SELECT relname FROM pg_catalog.pg_class
WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r' AND EXISTS (
    SELECT FROM pg_catalog.pg_attribute WHERE attrelid = pg_class.oid AND attname = 'workspace_id' AND NOT attisdropped
)
ORDER BY relname

-- name: wall
-- As in the read models: whoever reads for a workspace sees its rows, and none when no workspace is set. Put up when
-- the table is filled, since COPY refuses such tables; from then on for the owner too, who is the one that reads.
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workspace ON {table} USING (workspace_id = current_setting('drumbeat.workspace_id', true))
