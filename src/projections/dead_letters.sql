-- name: listed
-- What stands first of each parked stream and projection, with how many wait behind it; each record of nobody's.
SELECT id, kind, projection, partition, next_offset, position, stream_id, type, bytes, error, recorded_at, parked_at,
    attempts, retry_at, published_at, behind
FROM (
    SELECT parked.*,
        row_number() OVER of_stream AS place,
        count(*) OVER (PARTITION BY projection, coalesce(stream_id::text, id::text)) - 1 AS behind
    FROM readmodel.live_parked_events AS parked
    WINDOW of_stream AS (PARTITION BY projection, coalesce(stream_id::text, id::text) ORDER BY position, id)
) AS first
WHERE place = 1
    AND (%(projection)s::text IS NULL OR projection = %(projection)s)
    AND (%(stream_id)s::uuid IS NULL OR stream_id = %(stream_id)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
ORDER BY position, projection, id;

-- name: one
-- One parked event, with how many of its stream wait behind it for the same projection.
SELECT id, kind, projection, partition, next_offset, position, stream_id, type, bytes, error, recorded_at, parked_at,
    attempts, retry_at, published_at,
    (
        SELECT count(*) FROM readmodel.live_parked_events AS later
        WHERE later.generation = parked.generation AND later.stream_id = parked.stream_id
            AND later.projection = parked.projection
            AND (later.position, later.id) > (parked.position, parked.id)
    )
FROM readmodel.live_parked_events AS parked
WHERE id = %(id)s;

-- name: everything
-- All that is parked, in the order in which it came.
SELECT id, kind, projection, partition, next_offset, position, stream_id, type, bytes, error, recorded_at, parked_at,
    attempts, retry_at, published_at, 0
FROM readmodel.live_parked_events
WHERE (%(projection)s::text IS NULL OR projection = %(projection)s)
    AND (%(stream_id)s::uuid IS NULL OR stream_id = %(stream_id)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
ORDER BY id;

-- name: counted
-- How many streams are parked, by what holds them up; of records of nobody's, how many.
SELECT kind, count(DISTINCT coalesce(stream_id::text, id::text))
FROM readmodel.live_parked_events
WHERE kind <> 'waiting'
GROUP BY kind
ORDER BY kind;

-- name: mark
-- Ask the projector to try streams again now. Records of nobody's never become events: they are left alone.
UPDATE readmodel.live_parked_events
SET retry_at = now()
WHERE stream_id IS NOT NULL
    AND (%(stream_id)s::uuid IS NULL OR stream_id = %(stream_id)s)
RETURNING id, stream_id, attempts;

-- name: not_tried
-- The streams of which something that was marked has not been tried yet.
SELECT DISTINCT parked.stream_id
FROM readmodel.live_parked_events AS parked
JOIN unnest(%(ids)s::bigint[], %(attempts)s::integer[]) AS marked (id, attempts) USING (id)
WHERE parked.attempts = marked.attempts;

-- name: reasons
-- Of each of some streams and each projection for which it is still parked: what holds it up, and how many wait.
SELECT stream_id, projection, count(*), (array_agg(error ORDER BY position, id) FILTER (WHERE error IS NOT NULL))[1]
FROM readmodel.live_parked_events
WHERE stream_id = ANY (%(stream_ids)s)
GROUP BY stream_id, projection
ORDER BY stream_id, projection;

-- name: dismiss
-- Take out a record that is no event of ours.
DELETE FROM readmodel.live_parked_events
WHERE id = %(id)s AND kind = 'foreign' AND stream_id IS NULL
RETURNING id;

-- name: take_outbox
-- One process copies to the topic of dead letters at a time, until its session ends.
SELECT pg_try_advisory_lock(1685218661, 999);

-- name: unpublished
-- What came by Kafka and is not in the topic of dead letters yet, in the order in which it was parked.
SELECT id, kind, projection, partition, next_offset, position, stream_id, type, bytes, error, recorded_at, parked_at,
    attempts, retry_at, published_at, 0
FROM readmodel.live_parked_events
WHERE published_at IS NULL AND partition <> 'log' AND id <> ALL (%(refused)s)
ORDER BY id
LIMIT %(limit)s;

-- name: note_published
-- The brokers have these.
UPDATE readmodel.live_parked_events SET published_at = now() WHERE id = ANY (%s);
