-- name: standings
-- How far each projection of a generation is, and how many events it has set aside.
SELECT checkpoints.projection, checkpoints.position, checkpoints.recorded_at, checkpoints.updated_at,
    (
        SELECT count(*) FROM readmodel.parked_events AS parked
        WHERE parked.generation = checkpoints.generation AND parked.projection = checkpoints.projection
    )
FROM readmodel.checkpoints AS checkpoints
WHERE checkpoints.generation = %s
ORDER BY checkpoints.projection;
