-- The log: the only source of truth. Rows are inserted, never changed, never deleted.
CREATE SCHEMA ledger;

CREATE TABLE ledger.events (
    -- CACHE 1 is load-bearing: a reader's mark says that lower positions were handed out before it.
    position bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ledger.events_position CACHE 1),
    stream_id uuid NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    bytes bytea NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (position),
    -- Optimistic concurrency: the second writer of a version is refused here.
    UNIQUE (stream_id, version)
);

-- Instants to positions. Block ranges, because rows come almost in order of time and appends must not pay for it.
CREATE INDEX events_recorded_at ON ledger.events USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);

-- Every way in takes the lock before a position is assigned, COPY and plain INSERT included: a statement trigger
-- runs before the first row, and so before the identity's nextval. Readers see in pg_locks who may still commit.
CREATE FUNCTION ledger.announce_append() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1685218661, 1);
    RETURN NULL;
END
$$;

CREATE TRIGGER announce_append BEFORE INSERT ON ledger.events
FOR EACH STATEMENT EXECUTE FUNCTION ledger.announce_append();

-- Appends. One statement each, called in autocommit, so that an append is one round trip.

-- A single event: scalars cost the client and the server less than arrays of one.
CREATE FUNCTION ledger.append_one(_stream_id uuid, _version integer, _type text, _bytes bytea) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    assigned bigint;
BEGIN
    INSERT INTO ledger.events (stream_id, version, type, bytes)
    VALUES (_stream_id, _version, _type, _bytes)
    RETURNING position INTO assigned;
    RETURN assigned;
END
$$;

-- Any number of events, all or none. The caller gives them in stream order, so that two appends over the same
-- streams meet at the first one and do not deadlock. The positions come back in the order given.
CREATE FUNCTION ledger.append_many(_stream_ids uuid[], _versions integer[], _types text[], _bytes bytea[])
RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    assigned bigint[];
BEGIN
    WITH inserted AS (
        INSERT INTO ledger.events (stream_id, version, type, bytes)
        SELECT * FROM unnest(_stream_ids, _versions, _types, _bytes)
        RETURNING position
    )
    SELECT array_agg(position) INTO assigned FROM inserted;
    RETURN assigned;
END
$$;

-- A reader's mark: the last position handed out, then who may still commit at or below it. In this order, and as two
-- statements: an appender that was given a position before the first holds its lock at the second, or has released
-- it, and Postgres releases locks only after the commit can be seen. A fresh sequence says 1 before it was called.
CREATE FUNCTION ledger.take_mark(OUT handed_out bigint, OUT appenders text[])
LANGUAGE plpgsql AS $$
BEGIN
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO handed_out FROM ledger.events_position;
    SELECT coalesce(array_agg(virtualtransaction), '{}') INTO appenders
    FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND classid = 1685218661 AND objid = 1 AND objsubid = 2 AND granted
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database());
END
$$;

-- What was answered under an idempotency key. Written before the events, in their transaction, so that a second
-- request with the key waits for the first and then sees its answer. The position is looked up by the last event
-- (stream and version), so that the row is written once; a command without events keeps the position itself.
CREATE TABLE ledger.idempotency_keys (
    workspace_id text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    answer bytea NOT NULL,
    stream_id uuid,
    version integer,
    position bigint,
    expires_at timestamptz,
    PRIMARY KEY (workspace_id, key)
);

-- For forgetting the expired; keys of policies never expire and stay out of it.
CREATE INDEX idempotency_keys_expiry ON ledger.idempotency_keys (expires_at) WHERE expires_at IS NOT NULL;

-- Keep a key and its answer; false when the key is taken and has not expired. A key that another transaction is
-- writing is waited for: without any position assigned yet, so that no reader waits with it. Whoever appends may keep a
-- key and forget the expired, and may not change what was answered.
CREATE FUNCTION ledger.keep_key(
    _workspace_id text, _key text, _request_hash bytea, _answer bytea, _expires_at timestamptz,
    _stream_id uuid, _version integer
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ledger.idempotency_keys AS kept
        (workspace_id, key, request_hash, answer, expires_at, stream_id, version, position)
    VALUES (
        _workspace_id, _key, _request_hash, _answer, _expires_at, _stream_id, _version,
        CASE WHEN _stream_id IS NULL THEN (SELECT coalesce(max(position), 0) FROM ledger.events) END
    )
    ON CONFLICT (workspace_id, key) DO UPDATE
    SET request_hash = excluded.request_hash, answer = excluded.answer, expires_at = excluded.expires_at,
        stream_id = excluded.stream_id, version = excluded.version, position = excluded.position
    WHERE kept.expires_at <= clock_timestamp();
    RETURN FOUND;
END
$$;

-- An append under an idempotency key: null when the key is taken, and nothing is written then.
CREATE FUNCTION ledger.append_once(
    _workspace_id text, _key text, _request_hash bytea, _answer bytea, _expires_at timestamptz,
    _stream_ids uuid[], _versions integer[], _types text[], _bytes bytea[]
) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    last integer := cardinality(_stream_ids);
BEGIN
    IF NOT ledger.keep_key(
        _workspace_id, _key, _request_hash, _answer, _expires_at, _stream_ids[last], _versions[last]
    ) THEN
        RETURN NULL;
    END IF;
    RETURN coalesce(ledger.append_many(_stream_ids, _versions, _types, _bytes), '{}');
END
$$;

-- States of streams, to load long streams fast. Any row may be deleted: it is only a shortcut. The type names the
-- shape of the state and the code that folded it; another code keeps its own beside it.
CREATE TABLE ledger.snapshots (
    stream_id uuid NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (stream_id, version, type)
);

-- How far the relay of a topic prefix has published: everything at or below the position is on Kafka. Only the leader
-- moves it, and never backwards.
CREATE TABLE ledger.relay_checkpoints (
    topic_prefix text NOT NULL,
    position bigint NOT NULL,
    -- Of the event at the position: a log that holds another one there was restored to an older state.
    last_event_id uuid,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- What keeps the relay from publishing, in words for people, null while nothing does.
    fault text,
    fault_since timestamptz,
    PRIMARY KEY (topic_prefix)
);

-- The log changes in one way: by being appended to. Missing grants say so to the roles that processes take, and this
-- to everybody, the owner included. Statements, so that one which meets no row is refused too.
CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE insufficient_privilege
        USING MESSAGE = format('the log is append-only: %s of %I.%I is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME);
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.events
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Delete the keys whose time is over; how many there were.
CREATE FUNCTION ledger.forget_expired_keys() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    forgotten bigint;
BEGIN
    DELETE FROM ledger.idempotency_keys WHERE expires_at <= clock_timestamp();
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END
$$;

-- Who holds the appenders' lock, longest first. Of sessions of other logins a role sees neither age nor statement;
-- the owner sees those of its own login, and of all when it is a member of pg_read_all_stats.
CREATE FUNCTION ledger.appenders(OUT pid integer, OUT seconds double precision, OUT state text, OUT query text)
RETURNS SETOF record
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT activity.pid, coalesce(extract(epoch FROM clock_timestamp() - activity.xact_start)::float8, 0),
        coalesce(activity.state, ''), left(coalesce(activity.query, ''), 200)
    FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
    WHERE held.locktype = 'advisory' AND held.classid = 1685218661 AND held.objid = 1 AND held.objsubid = 2
        AND held.granted AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY activity.xact_start
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;

GRANT USAGE ON SCHEMA ledger TO drumbeat_write, drumbeat_read, drumbeat_relay;

-- Reading the log in order. SELECT on a sequence shows it and does not move it.
GRANT SELECT ON ledger.events, ledger.events_position TO drumbeat_write, drumbeat_read;
GRANT EXECUTE ON FUNCTION ledger.take_mark(), ledger.appenders() TO drumbeat_write, drumbeat_read;

-- Appending. These columns and no other, for COPY and for the functions, which act as whoever calls them: a position
-- and the time of recording cannot be forged.
GRANT INSERT (stream_id, version, type, bytes) ON ledger.events TO drumbeat_write;
GRANT SELECT ON ledger.idempotency_keys TO drumbeat_write;
GRANT SELECT, INSERT ON ledger.snapshots TO drumbeat_write;
GRANT EXECUTE ON FUNCTION
    ledger.append_one(uuid, integer, text, bytea),
    ledger.append_many(uuid[], integer[], text[], bytea[]),
    ledger.append_once(text, text, bytea, bytea, timestamptz, uuid[], integer[], text[], bytea[]),
    ledger.keep_key(text, text, bytea, bytea, timestamptz, uuid, integer),
    ledger.forget_expired_keys()
TO drumbeat_write;

-- Publishing.
GRANT SELECT, INSERT, UPDATE ON ledger.relay_checkpoints TO drumbeat_relay;
GRANT SELECT ON ledger.relay_checkpoints TO drumbeat_read;

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
