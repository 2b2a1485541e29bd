-- name: append_one
-- Append a single event; answers its position.
SELECT ledger.append_one($1, $2, $3, $4);

-- name: append_many
-- Append events in stream order; answers their positions in the order given.
SELECT ledger.append_many($1, $2, $3, $4);

-- name: append_once
-- Append events under an idempotency key; answers their positions, or null when the key is taken.
SELECT ledger.append_once($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: append_held
-- Append events in stream order while the keys are held that they were sealed with; whether they were, and positions.
SELECT held, CASE WHEN held THEN ledger.append_many($3, $4, $5, $6) END
FROM access.hold_person_keys($1, $2) AS held;

-- name: append_once_held
-- The same under an idempotency key.
SELECT held, CASE WHEN held THEN ledger.append_once($3, $4, $5, $6, $7, $8, $9, $10, $11) END
FROM access.hold_person_keys($1, $2) AS held;

-- name: hold_person_keys
-- Hold the keys that events were sealed with, ahead of a COPY in the same transaction; false when one is gone.
SELECT access.hold_person_keys(%b, %b);

-- name: destroy_person_key
-- Destroy a person's key; whether there was one, and the campaigns in which their contacts may be.
SELECT had_key, campaigns FROM access.destroy_person_key(%b);

-- name: known_person
-- Whether a person has a key, and the campaigns in which their contacts may be.
SELECT EXISTS (SELECT FROM access.person_keys WHERE person_id = %(person)b),
    (SELECT coalesce(array_agg(campaign_id ORDER BY campaign_id), '{}')
     FROM access.person_campaigns WHERE person_id = %(person)b);

-- name: keep_key
-- Keep an idempotency key ahead of a COPY in the same transaction; answers false when it is taken.
SELECT ledger.keep_key(%b, %b, %b, %b, %b, %b, %b);

-- name: copy_in
-- Append by COPY; the statement trigger takes the appenders' lock here as everywhere.
COPY ledger.events (stream_id, version, type, bytes) FROM STDIN (FORMAT binary);

-- name: last_copied
-- The last position that this session was given.
SELECT currval('ledger.events_position');

-- name: answered
-- What is kept under a key that has not expired: hash, answer, position.
SELECT kept.request_hash, kept.answer, coalesce(kept.position, last_event.position)
FROM ledger.idempotency_keys AS kept
LEFT JOIN ledger.events AS last_event
    ON last_event.stream_id = kept.stream_id AND last_event.version = kept.version
WHERE kept.workspace_id = %b AND kept.key = %b
    AND (kept.expires_at IS NULL OR kept.expires_at > clock_timestamp());

-- name: forget_expired_keys
-- Delete keys whose time is over; answers how many there were.
SELECT ledger.forget_expired_keys();

-- name: head
-- The greatest committed position, null when the log is empty.
SELECT max(position) FROM ledger.events;

-- name: position_within
-- The lowest position recorded after an instant and no later than a second one. The second bound lets the block
-- ranges of the index skip everything that is much later.
SELECT min(position) FROM ledger.events WHERE recorded_at > %b AND recorded_at <= %b;

-- name: position_after
-- The lowest position recorded after an instant, however much later.
SELECT min(position) FROM ledger.events WHERE recorded_at > %b;

-- name: stream_forward
-- Events of a stream between versions, oldest first.
SELECT stream_id, version, type, bytes FROM ledger.events
WHERE stream_id = $1 AND version > $2 AND version <= $3
ORDER BY version ASC LIMIT $4;

-- name: stream_backward
-- Events of a stream between versions, newest first.
SELECT stream_id, version, type, bytes FROM ledger.events
WHERE stream_id = $1 AND version > $2 AND version <= $3
ORDER BY version DESC LIMIT $4;

-- name: streams
-- Every event of many streams.
SELECT stream_id, version, bytes FROM ledger.events WHERE stream_id = ANY(%b) ORDER BY stream_id, version;

-- name: streams_since
-- Of each stream what came after a version: at 0, its newest snapshot of a type, and the events since that.
SELECT asked.number::integer, happened.is_snapshot, happened.version, happened.bytes
FROM unnest($1::uuid[], $2::integer[], $3::text[])
    WITH ORDINALITY AS asked (stream_id, version, snapshot_type, number)
LEFT JOIN LATERAL (
    SELECT version, bytes FROM ledger.snapshots
    WHERE asked.version = 0 AND stream_id = asked.stream_id AND type = asked.snapshot_type
    ORDER BY version DESC LIMIT 1
) AS kept ON true
CROSS JOIN LATERAL (
    SELECT true AS is_snapshot, kept.version, kept.bytes WHERE kept.version IS NOT NULL
    UNION ALL
    SELECT false, version, bytes FROM ledger.events
    WHERE stream_id = asked.stream_id AND version > coalesce(kept.version, asked.version)
) AS happened
ORDER BY 1, 3;

-- name: timeline
-- Every event of a stream with its place in the log.
SELECT position, recorded_at, bytes FROM ledger.events WHERE stream_id = %b ORDER BY version;

-- name: notifications
-- Events of the log between positions, to be asked up to the high-water mark only.
SELECT stream_id, version, type, bytes, position FROM ledger.events
WHERE position > %(after)b AND position <= %(up_to)b
ORDER BY position LIMIT %(limit)b;

-- name: notifications_of_types
-- The same for some types.
SELECT stream_id, version, type, bytes, position FROM ledger.events
WHERE position > %(after)b AND position <= %(up_to)b AND type = ANY(%(types)b)
ORDER BY position LIMIT %(limit)b;

-- name: snapshot_in
-- Keep states of streams.
INSERT INTO ledger.snapshots (stream_id, version, type, bytes) SELECT * FROM unnest(%b, %b, %b, %b);

-- name: snapshots_forward
-- States of a stream between versions, oldest first.
SELECT stream_id, version, type, bytes FROM ledger.snapshots
WHERE stream_id = $1 AND version > $2 AND version <= $3 AND ($5::text IS NULL OR type = $5)
ORDER BY version ASC LIMIT $4;

-- name: snapshots_backward
-- States of a stream between versions, newest first.
SELECT stream_id, version, type, bytes FROM ledger.snapshots
WHERE stream_id = $1 AND version > $2 AND version <= $3 AND ($5::text IS NULL OR type = $5)
ORDER BY version DESC LIMIT $4;

-- name: take_mark
-- The last position handed out, and the transactions that may still commit at or below it.
SELECT handed_out, appenders FROM ledger.take_mark();

-- name: handed_out
-- The last position handed out, committed or not: a cheap way to see that something may have happened.
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ledger.events_position;

-- name: server_facts
-- What the order of the log stands on.
SELECT pg_is_in_recovery(), current_setting('synchronous_commit'),
    (SELECT seqcache FROM pg_sequence WHERE seqrelid = 'ledger.events_position'::regclass);

-- name: appenders
-- Who holds the appenders' lock, longest first: process id, seconds since the transaction began, state, query.
SELECT pid, seconds, state, query FROM ledger.appenders();

-- name: read_log
-- A batch of the log, never above a safe mark. COPY takes no parameters: the three numbers are written in.
COPY (
    SELECT position, recorded_at, type, bytes FROM ledger.events
    WHERE position > %(after)b AND position <= %(up_to)b
    ORDER BY position LIMIT %(limit)b
) TO STDOUT (FORMAT binary);

-- name: read_streams
-- Everything of the streams between two ids, both among them, and nothing above a mark.
COPY (
    SELECT position, recorded_at, type, bytes FROM ledger.events
    WHERE stream_id BETWEEN '%(first)b' AND '%(last)b' AND position <= %(up_to)b
    ORDER BY position
) TO STDOUT (FORMAT binary);

-- name: event_at
-- The bytes of the event at a position.
SELECT bytes FROM ledger.events WHERE position = %b;

-- name: listen
-- Hear of appends.
LISTEN drumbeat_log;

-- name: notify
-- Say that something was appended; in a transaction of its own, because its commit takes a lock of the whole server.
NOTIFY drumbeat_log;

-- name: versions
-- Some versions of some streams, in their order.
SELECT stream_id, position, type, bytes, recorded_at
FROM unnest(%(stream_ids)s::uuid[], %(first)s::integer[], %(last)s::integer[]) AS wanted (stream, first, last)
JOIN ledger.events ON stream_id = stream AND version BETWEEN first AND last
ORDER BY stream_id, version;
