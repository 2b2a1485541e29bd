-- name: take_turns
-- One process installs at a time; held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('drumbeat read models', 0));

-- name: as_owner
-- What is made from here on in this transaction belongs to the projectors.
SET LOCAL ROLE drumbeat_project;

-- name: installed
-- Which projections a generation holds, with the version of their definition.
SELECT projection, version FROM readmodel.projections WHERE generation = %s;

-- name: note_installed
-- A projection's tables are there; whether readers see them: the first that there are, later ones are put in place.
INSERT INTO readmodel.projections (generation, projection, version, state, package, tables)
SELECT %(generation)s, %(projection)s, %(version)s, CASE
    WHEN EXISTS (SELECT FROM readmodel.projections WHERE projection = %(projection)s AND state = 'live')
    THEN 'built' ELSE 'live' END, %(package)s::text, %(tables)s::text[]
RETURNING state = 'live';

-- name: engine_tables
-- The last version seen of each stream, when the source could lose an event: a gap stops the stream.
CREATE TABLE IF NOT EXISTS streams (
    stream_id uuid PRIMARY KEY,
    version   integer NOT NULL
) WITH (fillfactor = 85);

-- name: begin
-- A projection begins in some partitions, with rows that were made up to a position already.
INSERT INTO readmodel.checkpoints (generation, projection, partition, position, next_offset, began_at, updated_at)
SELECT %(generation)s, %(projection)s, partition, %(position)s, %(next_offset)s, %(position)s, now()
FROM unnest(%(partitions)s::text[]) AS partition
ON CONFLICT DO NOTHING;

-- name: leave
-- A projection is fed from other partitions from now on.
DELETE FROM readmodel.checkpoints WHERE generation = %s AND projection = %s;

-- name: fed_from
-- The partitions that feed each projection, and where it stands in them.
SELECT projection, array_agg(partition ORDER BY partition), min(position), max(position)
FROM readmodel.checkpoints
WHERE generation = %s
GROUP BY projection;

-- name: checkpoints
-- How far each projection of a generation is in some partitions.
SELECT projection, partition, position, last_event_id, next_offset, recorded_at
FROM readmodel.checkpoints
WHERE generation = %s AND partition = ANY (%s);

-- name: began_at
-- Up to where the rows of a generation were made before these partitions fed them.
SELECT coalesce(max(began_at), 0) FROM readmodel.checkpoints WHERE generation = %s;

-- name: move_checkpoints
-- Compare and set: moves only what stands where this projector left it. Taken first in a batch's transaction, the
-- row locks keep a second projector out until the end of it.
UPDATE readmodel.checkpoints AS kept
SET position = moved.position, last_event_id = moved.last_event_id, next_offset = moved.next_offset,
    recorded_at = moved.recorded_at, updated_at = now()
FROM unnest(
    %(partitions)s::text[], %(before)s::bigint[], %(before_offsets)s::bigint[], %(positions)s::bigint[],
    %(event_ids)s::uuid[], %(offsets)s::bigint[], %(recorded)s::timestamptz[]
) AS moved (partition, before, before_offset, position, last_event_id, next_offset, recorded_at)
WHERE kept.generation = %(generation)s AND kept.projection = ANY (%(projections)s)
    AND kept.partition = moved.partition AND kept.position = moved.before
    AND kept.next_offset IS NOT DISTINCT FROM moved.before_offset
RETURNING 1;

-- name: try_slot
-- Take a number that no other projector of these read models has, until this session ends.
SELECT pg_try_advisory_lock(1685218661, 1000 + %s);

-- name: parked_streams
-- The streams that wait, by projection, and whether they wait for missing events.
SELECT DISTINCT projection, stream_id, kind = 'gap' FROM readmodel.parked_events
WHERE generation = %s AND partition = ANY (%s) AND stream_id IS NOT NULL;

-- name: count_parked
-- Parked events of a generation.
SELECT count(*) FROM readmodel.parked_events WHERE generation = %s AND partition = ANY (%s);

-- name: park
-- Set one event aside for one projection.
INSERT INTO readmodel.parked_events
    (generation, projection, kind, partition, next_offset, position, stream_id, type, bytes, error, recorded_at, retry_at)
VALUES (
    %(generation)s, %(projection)s, %(kind)s, %(partition)s, %(next_offset)s, %(position)s, %(stream_id)s, %(type)s,
    %(bytes)s, %(error)s, %(recorded_at)s, CASE WHEN %(kind)s = 'gap' THEN now() END
);

-- name: due_streams
-- Streams of which something parked is to be tried again now. Nobody's records are not: they never become events.
SELECT DISTINCT stream_id FROM readmodel.parked_events
WHERE generation = %s AND partition = ANY (%s) AND projection = ANY (%s) AND retry_at <= now()
    AND stream_id IS NOT NULL
LIMIT 100;

-- name: set_due
-- What waits of a stream is to be tried again by whoever looks next.
UPDATE readmodel.parked_events SET retry_at = now() WHERE generation = %s AND stream_id = %s;

-- name: parked_elsewhere
-- What is parked for a projection that is to be fed from elsewhere. Records of nobody's stay where they stood.
SELECT id, kind, stream_id, type FROM readmodel.parked_events
WHERE generation = %s AND projection = %s AND stream_id IS NOT NULL;

-- name: take_along
-- A parked event waits in another partition from now on.
UPDATE readmodel.parked_events SET partition = %s, next_offset = NULL WHERE id = %s;

-- name: parked_of_stream
-- Everything that waits of a stream, by projection, in the stream's order.
SELECT id, projection, kind, partition, next_offset, position, type, bytes, recorded_at
FROM readmodel.parked_events
WHERE generation = %s AND stream_id = %s AND partition = ANY (%s) AND projection = ANY (%s)
ORDER BY projection, position, id;

-- name: take_out
-- Parked events that were applied after all.
DELETE FROM readmodel.parked_events WHERE id = ANY (%s);

-- name: tried_again
-- Parked events that still cannot be applied: tried, and when again. The one that failed holds the others up now.
UPDATE readmodel.parked_events
SET attempts = attempts + 1, error = CASE WHEN id = %(failed)s THEN %(error)s ELSE error END,
    kind = CASE WHEN id = %(failed)s THEN 'poison' ELSE kind END,
    retry_at = CASE WHEN kind = 'gap'
        THEN now() + least(interval '30 seconds', interval '0.25 seconds' * power(2, least(attempts, 10))) END
WHERE id = ANY (%(ids)s);

-- name: hold_checkpoints
-- How far each projection is in one partition; held until the transaction ends.
SELECT projection, position, next_offset FROM readmodel.checkpoints
WHERE generation = %s AND partition = %s
FOR UPDATE;
