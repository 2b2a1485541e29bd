-- A Merkle tree over the log (docs/audit.md). It follows the log like a read model: no append waits for it, and it
-- can be made anew from the events. The follower that holds the lock writes it, as drumbeat_audit; nobody else.

-- The leaves: 32 neighbours a row, so that an event costs 40 bytes. Leaf numbers are dense, positions have holes.
CREATE TABLE ledger.tree_leaves (
    number bigint NOT NULL,
    first_position bigint NOT NULL,
    -- 8 bytes each, the greatest first.
    positions bytea NOT NULL,
    -- 32 bytes each.
    hashes bytea NOT NULL,
    PRIMARY KEY (number),
    -- Which leaf is the event at a position.
    UNIQUE (first_position)
);

-- Roots of complete subtrees of 32^level leaves, 32 neighbours a row: a proof reads few of them.
CREATE TABLE ledger.tree_nodes (
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, number)
);

-- Where events are by their ids: the log has no index of these, and appends must not pay for one. Not unique: an id
-- that somebody forged twice must not stop the tree.
CREATE TABLE ledger.tree_events (
    event_id uuid NOT NULL,
    position bigint NOT NULL
);

CREATE INDEX tree_events_event_id ON ledger.tree_events (event_id);

-- What was signed, the newest with the most leaves.
CREATE TABLE ledger.tree_heads (
    tree_size bigint NOT NULL,
    timestamp_ms bigint NOT NULL,
    root_hash bytea NOT NULL,
    signature bytea NOT NULL,
    public_key bytea NOT NULL,
    PRIMARY KEY (tree_size)
);

-- A tree grows in one way: its last rows become longer, until they are full.
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON ledger.tree_leaves
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER only_longer BEFORE UPDATE ON ledger.tree_leaves
FOR EACH ROW WHEN (
    NEW.number <> OLD.number OR NEW.first_position <> OLD.first_position
    OR substr(NEW.positions, 1, length(OLD.positions)) <> OLD.positions
    OR substr(NEW.hashes, 1, length(OLD.hashes)) <> OLD.hashes
) EXECUTE FUNCTION ledger.refuse_change();

CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON ledger.tree_nodes
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER only_longer BEFORE UPDATE ON ledger.tree_nodes
FOR EACH ROW WHEN (
    NEW.level <> OLD.level OR NEW.number <> OLD.number
    OR substr(NEW.hashes, 1, length(OLD.hashes)) <> OLD.hashes
) EXECUTE FUNCTION ledger.refuse_change();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.tree_events
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.tree_heads
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT USAGE ON SCHEMA ledger TO drumbeat_audit;
-- To see, before it goes on, that the log still holds the last event that it added.
GRANT SELECT (position, bytes) ON ledger.events TO drumbeat_audit;
GRANT SELECT, INSERT, UPDATE (positions, hashes) ON ledger.tree_leaves TO drumbeat_audit;
GRANT SELECT, INSERT, UPDATE (hashes) ON ledger.tree_nodes TO drumbeat_audit;
GRANT SELECT, INSERT ON ledger.tree_events, ledger.tree_heads TO drumbeat_audit;
GRANT SELECT ON ledger.tree_leaves, ledger.tree_nodes, ledger.tree_events, ledger.tree_heads TO drumbeat_read;
