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

-- Whoever appends may keep a key and forget the expired, and may not change what was answered.
ALTER FUNCTION ledger.keep_key(text, text, bytea, bytea, timestamptz, uuid, integer)
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

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
