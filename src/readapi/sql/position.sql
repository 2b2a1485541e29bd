-- name: position
-- How far the read models are: the projection that is least far, and when its newest event was recorded. Those of
-- packages are asked for themselves: what holds one up holds up nobody else.
SELECT coalesce(min(position), 0) AS position, min(recorded_at) AS recorded_at
FROM readmodel.live_checkpoints WHERE package IS NULL
