-- name: stream
-- One stream whole, oldest first.
SELECT position, recorded_at, bytes FROM ledger.events WHERE stream_id = %(stream_id)s ORDER BY version

-- name: head
-- The newest position of the log.
SELECT coalesce(max(position), 0) AS position FROM ledger.events
