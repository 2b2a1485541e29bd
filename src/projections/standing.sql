-- name: standings
-- How far each projection is that is read, and how many events it has set aside. `*`: records of nobody's.
SELECT checkpoints.projection, min(checkpoints.position), min(checkpoints.recorded_at), max(checkpoints.updated_at),
    (
        SELECT count(*) FROM readmodel.live_parked_events AS parked
        WHERE parked.projection IN (checkpoints.projection, '*')
    )
FROM readmodel.live_checkpoints AS checkpoints
GROUP BY checkpoints.projection
ORDER BY checkpoints.projection;
