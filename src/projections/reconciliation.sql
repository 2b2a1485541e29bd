-- name: places
-- How far Drumbeat's own read models are in each partition: as far as the one that is furthest behind.
SELECT partition, min(position), max(began_at) FROM readmodel.live_checkpoints
WHERE package IS NULL
GROUP BY partition;

-- name: parked
-- Parked events by partition.
SELECT partition, count(*), min(position) FROM readmodel.live_parked_events GROUP BY partition;

-- name: stopped
-- Streams that wait for an event before them: that they are behind is known.
SELECT DISTINCT stream_id FROM readmodel.live_parked_events
WHERE kind = 'gap' AND stream_id IS NOT NULL;

-- name: generation
-- The generation that most of what is read stands in.
SELECT generation FROM readmodel.projections WHERE state = 'live' AND package IS NULL
GROUP BY generation ORDER BY count(*) DESC, generation LIMIT 1;

-- name: versions
-- The last version that was seen of each stream; in a session whose search_path is the generation.
SELECT stream_id, version FROM streams ORDER BY stream_id;

-- name: keeps_versions
-- Whether there is such a table: there is none before the first projector.
SELECT to_regclass('streams') IS NOT NULL;
