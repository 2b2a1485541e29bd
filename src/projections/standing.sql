-- name: standings
-- How far each projection of a generation is, and how many events it has set aside. `*`: records of nobody's.
SELECT checkpoints.projection, min(checkpoints.position), min(checkpoints.recorded_at), max(checkpoints.updated_at),
    (
        SELECT count(*) FROM readmodel.parked_events AS parked
        WHERE parked.generation = %(generation)s AND parked.projection IN (checkpoints.projection, '*')
    )
FROM readmodel.checkpoints AS checkpoints
WHERE checkpoints.generation = %(generation)s
GROUP BY checkpoints.projection
ORDER BY checkpoints.projection;
