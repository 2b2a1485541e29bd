-- name: standing
-- How far a package's projection is that readers see, and when its newest event was recorded; no row: it is not built.
SELECT min(position) AS position, min(recorded_at) AS recorded_at
FROM readmodel.live_checkpoints WHERE projection = %(projection)s AND package IS NOT NULL
HAVING count(*) > 0

-- name: reached
-- The same for who waits for it.
SELECT coalesce(min(position), 0) FROM readmodel.live_checkpoints
WHERE projection = {projection} AND package IS NOT NULL

-- name: page
-- Rows of a table of a package, in the order of its key, after a key.
SELECT {columns} FROM {view} WHERE {filters} AND (NOT %(further)s::boolean OR ({key}) > ({after})) ORDER BY {key}
LIMIT %(limit)s

-- name: count
-- How many rows the filters let through.
SELECT count(*) AS count FROM {view} WHERE {filters}
