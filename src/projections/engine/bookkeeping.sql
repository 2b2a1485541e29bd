-- name: take_turns
-- One process installs at a time; held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('drumbeat read models', 0));

-- name: installed
-- Which projections a generation holds, with the version of their definition.
SELECT projection, version FROM readmodel.projections WHERE generation = %s;

-- name: note_installed
-- A projection's tables are there.
INSERT INTO readmodel.projections (generation, projection, version) VALUES (%s, %s, %s);

-- name: begin_at_zero
-- A projection that has applied nothing yet.
INSERT INTO readmodel.checkpoints (generation, projection, position, updated_at) VALUES (%s, %s, 0, now());

-- name: checkpoints
-- How far each projection of a generation is.
SELECT projection, position, last_event_id FROM readmodel.checkpoints WHERE generation = %s;

-- name: move_checkpoints
-- Compare and set: moves only what stands where this projector left it. Taken first in a batch's transaction, the
-- row locks keep a second projector out until the end of it.
UPDATE readmodel.checkpoints
SET position = %(position)s, last_event_id = %(last_event_id)s, recorded_at = %(recorded_at)s, updated_at = now()
WHERE generation = %(generation)s AND projection = ANY (%(projections)s) AND position = %(before)s;

-- name: parked_streams
-- The streams that wait, by projection.
SELECT DISTINCT projection, stream_id FROM readmodel.parked_events WHERE generation = %s AND stream_id IS NOT NULL;

-- name: count_parked
-- Parked events of a generation.
SELECT count(*) FROM readmodel.parked_events WHERE generation = %s;

-- name: park
-- Set one event aside for one projection.
INSERT INTO readmodel.parked_events (generation, projection, position, stream_id, type, bytes, error)
VALUES (%s, %s, %s, %s, %s, %s, %s);
