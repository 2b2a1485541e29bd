-- name: lead
-- Whether this session leads now: one follower of the tree at a time in a database. Held until the session ends.
SELECT pg_try_advisory_lock(1685218663, 0);

-- name: last_leaves
-- The last row of leaves.
SELECT number, positions, hashes FROM ledger.tree_leaves ORDER BY number DESC LIMIT 1;

-- name: leaves
-- Rows of leaves from a number on, in their order.
SELECT number, positions, hashes FROM ledger.tree_leaves WHERE number >= %s ORDER BY number LIMIT %s;

-- name: leaves_around
-- The row of leaves in which a position is, if any has it.
SELECT number, positions, hashes FROM ledger.tree_leaves
WHERE first_position <= %s ORDER BY first_position DESC LIMIT 1;

-- name: tiles
-- Some rows of leaves (as level 0) and of nodes.
SELECT 0, number, hashes FROM ledger.tree_leaves WHERE number = ANY(%(leaves)s)
UNION ALL
SELECT level, number, hashes FROM ledger.tree_nodes
WHERE (level, number) IN (SELECT * FROM unnest(%(levels)s::smallint[], %(numbers)s::bigint[]));

-- name: nodes
-- Every row of nodes.
SELECT level, number, hashes FROM ledger.tree_nodes;

-- name: keep_leaves
-- Add rows of leaves, or make the last one longer.
INSERT INTO ledger.tree_leaves (number, first_position, positions, hashes)
SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::bytea[], %b::bytea[])
ON CONFLICT (number) DO UPDATE SET positions = excluded.positions, hashes = excluded.hashes;

-- name: keep_nodes
-- Add rows of nodes, or make those at the edge longer.
INSERT INTO ledger.tree_nodes (level, number, hashes)
SELECT * FROM unnest(%b::smallint[], %b::bigint[], %b::bytea[])
ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes;

-- name: keep_events
-- Note where events are.
COPY ledger.tree_events (event_id, position) FROM STDIN (FORMAT binary);

-- name: keep_head
-- Keep a signed head.
INSERT INTO ledger.tree_heads (tree_size, timestamp_ms, root_hash, signature, public_key) VALUES (%s, %s, %s, %s, %s);

-- name: newest_head
-- The head with the most leaves.
SELECT tree_size, timestamp_ms, root_hash, signature, public_key FROM ledger.tree_heads
ORDER BY tree_size DESC LIMIT 1;

-- name: first_head
-- The head with the fewest leaves.
SELECT tree_size, timestamp_ms, root_hash, signature, public_key FROM ledger.tree_heads ORDER BY tree_size LIMIT 1;

-- name: head_of
-- The head of so many leaves, if one was signed.
SELECT tree_size, timestamp_ms, root_hash, signature, public_key FROM ledger.tree_heads WHERE tree_size = %s;

-- name: heads_above
-- Every head with more leaves than that, the smallest first.
SELECT tree_size, timestamp_ms, root_hash, signature, public_key FROM ledger.tree_heads
WHERE tree_size > %s ORDER BY tree_size;

-- name: event_at
-- The event at a position.
SELECT position, bytes FROM ledger.events WHERE position = %s;

-- name: event_of_id
-- The events of an id: one, if nobody forged another.
SELECT events.position, events.bytes FROM ledger.tree_events AS known
JOIN ledger.events AS events ON events.position = known.position
WHERE known.event_id = %s ORDER BY events.position;
