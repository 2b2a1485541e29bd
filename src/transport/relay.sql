-- name: lead
-- Lead the relays of a topic prefix: waits until no other session does, at most as long as lock_timeout says.
SELECT pg_advisory_lock(1685218662, hashtext($1));

-- name: begin_checkpoint
-- Make the checkpoint of a prefix that has none.
INSERT INTO ledger.relay_checkpoints (topic_prefix, position) VALUES (%b, 0) ON CONFLICT DO NOTHING;

-- name: checkpoint
-- Up to where all is published, and the last event's id.
SELECT position, last_event_id FROM ledger.relay_checkpoints WHERE topic_prefix = %b;

-- name: move_checkpoint
-- Move the checkpoint on from where it is known to be; no row when another relay moved it.
UPDATE ledger.relay_checkpoints
SET position = %(position)b, last_event_id = %(event_id)b, updated_at = clock_timestamp()
WHERE topic_prefix = %(prefix)b AND position = %(expected)b AND position < %(position)b;

-- name: note_fault
-- Keep what keeps the relay from publishing, and since when; null when nothing does.
UPDATE ledger.relay_checkpoints
SET fault = %(fault)b,
    fault_since = CASE WHEN %(fault)b::text IS NULL THEN NULL ELSE coalesce(fault_since, clock_timestamp()) END
WHERE topic_prefix = %(prefix)b AND fault IS DISTINCT FROM %(fault)b;

-- name: standing
-- For an onlooker: the checkpoint, when it last moved, the fault and since when.
SELECT position, updated_at, fault, fault_since FROM ledger.relay_checkpoints WHERE topic_prefix = %b;
