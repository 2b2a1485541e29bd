-- name: stream
-- One stream whole, oldest first.
SELECT position, recorded_at, bytes FROM ledger.events WHERE stream_id = %(stream_id)s ORDER BY version

-- name: head
-- The newest position of the log.
SELECT coalesce(max(position), 0) AS position FROM ledger.events

-- name: newest
-- The newest event up to a position: its position, and when it was recorded.
SELECT position, recorded_at FROM ledger.events WHERE position <= %(position)s ORDER BY position DESC LIMIT 1

-- name: clock
-- The clock by which events are recorded.
SELECT clock_timestamp() AS now

-- name: lengths
-- How many events some streams have up to a position; streams without any are left out.
SELECT stream_id, count(*) FROM ledger.events
WHERE stream_id = ANY (%(stream_ids)b) AND position <= %(position)s
GROUP BY stream_id

-- name: streams
-- The events of some streams up to a position, each stream in its order.
SELECT position, type, bytes FROM ledger.events
WHERE stream_id = ANY (%(stream_ids)b) AND position <= %(position)s
ORDER BY position

-- name: whole_streams
-- Streams whole up to a position, one after another, each oldest first.
SELECT version, position, bytes FROM ledger.events
WHERE stream_id = ANY (%(stream_ids)s::uuid[]) AND position <= %(up_to)s
ORDER BY stream_id, version
