-- name: one_at_a_time
-- Only one works on a generation, and nobody feeds it meanwhile but that it is read; false while another session does.
-- Held until the session ends.
SELECT pg_try_advisory_lock(1685218661, 3000 + %(number)s::integer);

-- name: generations
-- Every projection in every generation, with what is known of its building, and whether somebody works on it now
-- (`one_at_a_time`). Nobody goes on with one that was cancelled, or was made only to be compared.
SELECT p.projection, p.generation, p.version, p.state, p.installed_at, p.left_at, p.package, p.tables, b.stage,
    coalesce(b.passing OR b.cancelled_at IS NOT NULL, false),
    EXISTS (
        SELECT FROM pg_locks AS l
        WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 1685218661 AND l.objsubid = 2
            AND l.objid::text = (3000 + substring(p.generation FROM '^gen_([0-9]+)$')::integer)::text
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
FROM readmodel.projections AS p LEFT JOIN readmodel.builds AS b USING (generation)
ORDER BY p.projection, p.installed_at, p.generation;

-- name: places
-- How far each projection of each generation is, and since when.
SELECT generation, projection, min(position), min(recorded_at) FROM readmodel.checkpoints
GROUP BY generation, projection;

-- name: next_number
-- The number of a generation that was never used.
SELECT coalesce(max(substring(generation FROM '^gen_([0-9]+)$')::integer), 0) + 1 FROM (
    SELECT generation FROM readmodel.projections
    UNION ALL SELECT generation FROM readmodel.checkpoints
    UNION ALL SELECT generation FROM readmodel.rebuilds
    UNION ALL SELECT nspname FROM pg_namespace
) AS used;

-- name: make_generation
-- The schema of a new generation, which belongs to the projectors.
SELECT readmodel.make_generation(%s);

-- name: data_directory
-- Where the server's files are; null when it may not be told.
SELECT readmodel.data_directory();

-- name: begin_build
-- A generation is being built.
INSERT INTO readmodel.builds (generation, mark, slices, events, indexes, passing)
VALUES (%(generation)s, %(mark)s, %(slices)s, %(events)s, %(indexes)s, %(passing)s);

-- name: begin_slices
-- Its slices, none of them done.
INSERT INTO readmodel.slices (generation, slice)
SELECT %(generation)s, slice FROM generate_series(0, %(slices)s - 1) AS slice;

-- name: build
-- How a generation is being built.
SELECT generation, mark, slices, events, indexes, stage, started_at, cancelled_at
FROM readmodel.builds WHERE generation = %(generation)s;

-- name: reach_stage
-- The building of a generation has come to its next stage.
UPDATE readmodel.builds SET stage = %(stage)s WHERE generation = %(generation)s;

-- name: note_compared
-- What differed when a generation was compared last.
UPDATE readmodel.builds SET compared = %(compared)s WHERE generation = %(generation)s;

-- name: compared
-- The same, later.
SELECT compared FROM readmodel.builds WHERE generation = %(generation)s AND compared IS NOT NULL;

-- name: cancel
-- Ask whoever builds it to end.
UPDATE readmodel.builds SET cancelled_at = now() WHERE generation = %(generation)s;

-- name: open_slices
-- Slices that are not done yet.
SELECT slice FROM readmodel.slices WHERE generation = %(generation)s AND done_at IS NULL ORDER BY slice;

-- name: hold_slice
-- Fold this slice and no other; false when another worker does. Held until the session ends.
SELECT pg_try_advisory_lock(hashtextextended(%(generation)s || '/' || %(slice)s::text, 1685218661));

-- name: slice_is_done
-- Whether another worker has been here before.
SELECT done_at IS NOT NULL FROM readmodel.slices WHERE generation = %(generation)s AND slice = %(slice)s;

-- name: tell_slice
-- How far a slice is; whether its building was cancelled.
WITH told AS (
    UPDATE readmodel.slices SET events = %(events)s WHERE generation = %(generation)s AND slice = %(slice)s
)
SELECT cancelled_at IS NOT NULL FROM readmodel.builds WHERE generation = %(generation)s;

-- name: finish_slice
-- A slice is in the tables, in the transaction that wrote it.
UPDATE readmodel.slices SET events = %(events)s, done_at = clock_timestamp()
WHERE generation = %(generation)s AND slice = %(slice)s;

-- name: progress
-- How many slices are done, and how many events were looked at.
SELECT count(*) FILTER (WHERE done_at IS NOT NULL), count(*), coalesce(sum(events), 0)
FROM readmodel.slices WHERE generation = %(generation)s;

-- name: set_state
-- What some projections of a generation are for.
UPDATE readmodel.projections SET state = %(state)s, left_at = CASE WHEN %(state)s = 'kept' THEN now() ELSE left_at END
WHERE generation = %(generation)s AND projection = ANY (%(projections)s);

-- name: can_be_read
-- Whether all of these projections are there in a generation, and nobody has cancelled its building.
SELECT count(*) = cardinality(%(projections)s::text[])
FROM readmodel.projections AS p LEFT JOIN readmodel.builds AS b USING (generation)
WHERE p.generation = %(generation)s AND p.projection = ANY (%(projections)s)
    AND (p.state <> 'building' OR b.cancelled_at IS NULL);

-- name: are_read
-- Whether some of these projections of a generation are read now.
SELECT EXISTS (
    SELECT FROM readmodel.projections
    WHERE generation = %(generation)s AND projection = ANY (%(projections)s) AND state = 'live'
);

-- name: forget_projections
-- Some projections of a generation are no more.
DELETE FROM readmodel.projections WHERE generation = %(generation)s AND projection = ANY (%(projections)s);

-- name: forget_checkpoints
-- Nor where they stood.
DELETE FROM readmodel.checkpoints WHERE generation = %(generation)s AND projection = ANY (%(projections)s);

-- name: forget_parked
-- Nor what they had set aside.
DELETE FROM readmodel.parked_events WHERE generation = %(generation)s AND projection = ANY (%(projections)s);

-- name: forget_build
-- Nor how they were built, once nothing of the generation is left.
DELETE FROM readmodel.builds AS b WHERE generation = %(generation)s
    AND NOT EXISTS (SELECT FROM readmodel.projections AS p WHERE p.generation = b.generation);

-- name: is_empty
-- Whether a generation holds nothing any more.
SELECT NOT EXISTS (SELECT FROM readmodel.projections WHERE generation = %(generation)s);

-- name: keys_and_indexes
-- The statements that make the keys and indexes of a generation's tables, and those that take them away, each with its
-- table; keys first.
SELECT t.relname, format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', t.oid::regclass, c.conname, pg_get_constraintdef(c.oid)),
    format('ALTER TABLE %%s DROP CONSTRAINT %%I', t.oid::regclass, c.conname)
FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid
WHERE c.connamespace = to_regnamespace(%(generation)s) AND c.contype IN ('p', 'u')
UNION ALL
SELECT t.relname, pg_get_indexdef(i.indexrelid), format('DROP INDEX %%s', i.indexrelid::regclass)
FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid
WHERE t.relnamespace = to_regnamespace(%(generation)s)
    AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid);

-- name: largest_first
-- The tables of a generation, those that take the most first.
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = to_regnamespace(%(generation)s)
ORDER BY pg_relation_size(oid) DESC;

-- name: sizes
-- How many bytes each table of the read models takes, indexes included, and how many rows it is believed to have.
SELECT n.nspname, t.relname, pg_total_relation_size(t.oid), greatest(t.reltuples, 0)::bigint
FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE t.relkind = 'r' AND n.nspname = ANY (%(generations)s);

-- name: last_at_mark
-- The event up to which a mark reaches: its position, its bytes, and when it was recorded.
SELECT position, bytes, recorded_at FROM ledger.events WHERE position <= %(mark)s ORDER BY position DESC LIMIT 1;

-- name: key_of
-- The columns of a table's primary key, in its order.
SELECT array_agg(a.attname::text ORDER BY k.place)
FROM pg_index AS i
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place)
JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = to_regclass(%(table)s) AND i.indisprimary;

-- name: columns_of
-- The columns of a table with their types.
SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
WHERE a.attrelid = to_regclass(%(table)s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;

-- name: views
-- The views that readers use.
SELECT relname FROM pg_class WHERE relnamespace = 'live'::regnamespace AND relkind = 'v';

-- name: stand_at
-- Projections of a generation stand at an event of the log; rows up to there were not made one by one.
INSERT INTO readmodel.checkpoints
    (generation, projection, partition, position, last_event_id, recorded_at, updated_at, began_at)
SELECT %(generation)s, projection, 'log', %(position)s, %(event_id)s, %(recorded_at)s, now(), %(position)s
FROM unnest(%(projections)s::text[]) AS projection
ON CONFLICT DO NOTHING;

-- name: live_position
-- How far some read models are that readers see; nothing where none of them is.
SELECT min(position) FROM readmodel.live_checkpoints WHERE projection = ANY (%(projections)s);

-- name: head
-- The newest position that was handed out.
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ledger.events_position;

-- name: live_places
-- The events at which the projections stand that are read.
SELECT projection, partition, position, last_event_id FROM readmodel.live_checkpoints;
