-- name: position
-- How far the read models are: the projection that is least far, and when its newest event was recorded.
SELECT coalesce(min(position), 0) AS position, min(recorded_at) AS recorded_at
FROM readmodel.live_checkpoints
