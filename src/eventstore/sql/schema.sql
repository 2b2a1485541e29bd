-- The log: the only source of truth. Rows are inserted, never changed, never deleted.
CREATE SCHEMA ledger;

CREATE TABLE ledger.events (
    -- CACHE 1 is load-bearing: a reader's mark says that lower positions were handed out before it.
    position bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ledger.events_position CACHE 1),
    stream_id uuid NOT NULL,
    version integer NOT NULL CHECK (version > 0),
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

-- States of streams, to load long streams fast. Any row may be deleted: it is only a shortcut.
CREATE TABLE ledger.snapshots (
    stream_id uuid NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (stream_id, version)
);
