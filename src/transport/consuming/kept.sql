-- name: is_made
-- Whether the tables are there: who may not make schemas can still use those that another made.
SELECT to_regclass('drumbeat_consumers.parked_events') IS NOT NULL;

-- name: take_turns
-- One process makes tables or begins places at a time; held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('drumbeat consumers', 0));

-- name: make
-- The tables of all consumers of a database.
CREATE SCHEMA IF NOT EXISTS drumbeat_consumers;

-- Up to where a consumer has handled each partition, TOPIC/NUMBER. Moved in the transaction of the handlers' rows,
-- compare-and-set.
CREATE TABLE IF NOT EXISTS drumbeat_consumers.places (
    consumer      text NOT NULL,
    partition     text NOT NULL,
    of_partitions integer NOT NULL,            -- how many the topic had when it was first consumed; for good
    position      bigint NOT NULL DEFAULT 0,   -- everything up to here is handled or parked
    next_offset   bigint NOT NULL DEFAULT 0,   -- what is read next
    recorded_at   timestamptz,                 -- when the event at `position` was recorded
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, partition)
) WITH (fillfactor = 50);

-- The last version of each stream that was handled, passed over or parked: a gap stops the stream.
CREATE TABLE IF NOT EXISTS drumbeat_consumers.streams (
    consumer  text NOT NULL,
    stream_id uuid NOT NULL,
    version   integer NOT NULL,
    PRIMARY KEY (consumer, stream_id)
) WITH (fillfactor = 85);

-- What a handler could not deal with, whole, and what waits behind it in its stream.
CREATE TABLE IF NOT EXISTS drumbeat_consumers.parked_events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer    text NOT NULL,
    kind        text NOT NULL,                 -- poison: it fails · waiting: behind an earlier one · gap: events before
                                               -- it are missing · foreign: no event of Drumbeat
    partition   text NOT NULL,
    next_offset bigint NOT NULL,               -- the one after the record's own; -1: it came from the log
    position    bigint NOT NULL,
    stream_id   uuid,
    type        text NOT NULL,
    bytes       bytea NOT NULL,
    error       text,
    recorded_at timestamptz NOT NULL,
    parked_at   timestamptz NOT NULL DEFAULT now(),
    attempts    integer NOT NULL DEFAULT 0,    -- how often it was tried again
    retry_at    timestamptz                    -- when it is tried again; null: when somebody sets it
);

CREATE INDEX IF NOT EXISTS parked_events_by_stream
    ON drumbeat_consumers.parked_events (consumer, stream_id, position);

-- name: partition_counts
-- How many partitions there were in each topic when its places began, told by a partition of it.
SELECT partition, of_partitions FROM drumbeat_consumers.places WHERE consumer = %s;

-- name: begin
-- Places at the beginning, for partitions that have none.
INSERT INTO drumbeat_consumers.places (consumer, partition, of_partitions)
SELECT %(consumer)s, new.partition, new.of_partitions
FROM unnest(%(partitions)s::text[], %(of_partitions)s::integer[]) AS new (partition, of_partitions)
ON CONFLICT DO NOTHING;

-- name: places
-- Where a consumer stands in some partitions.
SELECT partition, position, next_offset, recorded_at FROM drumbeat_consumers.places
WHERE consumer = %s AND partition = ANY (%s);

-- name: hold_places
-- The same, held until the transaction ends: nobody else handles events of these partitions meanwhile.
SELECT partition, position, next_offset FROM drumbeat_consumers.places
WHERE consumer = %s AND partition = ANY (%s)
ORDER BY partition
FOR UPDATE;

-- name: move_places
-- Move places that stand where this process left them.
UPDATE drumbeat_consumers.places AS kept
SET position = moved.position, next_offset = moved.next_offset, recorded_at = moved.recorded_at, updated_at = now()
FROM unnest(
    %(partitions)s::text[], %(before)s::bigint[], %(before_offsets)s::bigint[], %(positions)s::bigint[],
    %(offsets)s::bigint[], %(recorded)s::timestamptz[]
) AS moved (partition, before, before_offset, position, next_offset, recorded_at)
WHERE kept.consumer = %(consumer)s AND kept.partition = moved.partition AND kept.position = moved.before
    AND kept.next_offset = moved.before_offset;

-- name: versions
-- The last version seen of some streams.
SELECT stream_id, version FROM drumbeat_consumers.streams WHERE consumer = %s AND stream_id = ANY (%s);

-- name: note_versions
-- These are the last versions seen now.
INSERT INTO drumbeat_consumers.streams AS kept (consumer, stream_id, version)
SELECT %(consumer)s, seen.stream_id, seen.version
FROM unnest(%(stream_ids)s::uuid[], %(versions)s::integer[]) AS seen (stream_id, version)
ORDER BY seen.stream_id
ON CONFLICT (consumer, stream_id) DO UPDATE SET version = excluded.version WHERE kept.version < excluded.version;

-- name: park
-- Set an event aside. One whose predecessors are missing is tried again by itself, ever more rarely.
INSERT INTO drumbeat_consumers.parked_events
    (consumer, kind, partition, next_offset, position, stream_id, type, bytes, error, recorded_at, attempts, retry_at)
VALUES (
    %(consumer)s, %(kind)s, %(partition)s, %(next_offset)s, %(position)s, %(stream_id)s, %(type)s, %(bytes)s,
    %(error)s, %(recorded_at)s, %(attempts)s,
    CASE WHEN %(kind)s = 'gap' THEN now() END
);

-- name: parked_streams
-- The streams that wait in some partitions, and whether for missing events.
SELECT stream_id, bool_or(kind = 'gap'), count(*) FROM drumbeat_consumers.parked_events
WHERE consumer = %s AND partition = ANY (%s)
GROUP BY stream_id;

-- name: due_streams
-- Streams of which something is to be tried again now, with the partition they stand in.
SELECT stream_id, min(partition) FROM drumbeat_consumers.parked_events
WHERE consumer = %s AND partition = ANY (%s) AND retry_at <= now() AND stream_id IS NOT NULL
GROUP BY stream_id
LIMIT 100;

-- name: take_out
-- Everything parked of a stream, to be handled or parked anew in the same transaction.
DELETE FROM drumbeat_consumers.parked_events
WHERE consumer = %s AND stream_id = %s
RETURNING kind, partition, next_offset, position, type, bytes, recorded_at, attempts;

-- name: try_later
-- Events of a stream that are due and could not be tried: they are again, ever more rarely.
UPDATE drumbeat_consumers.parked_events
SET attempts = attempts + 1,
    retry_at = now() + least(interval '30 seconds', interval '0.25 seconds' * power(2, least(attempts, 10)))
WHERE consumer = %s AND stream_id = %s AND retry_at <= now();
