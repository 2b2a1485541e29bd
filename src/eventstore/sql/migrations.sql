-- name: take_turns
-- One migration at a time in a database; held until the connection closes.
SELECT pg_advisory_lock(hashtextextended('drumbeat migrations', 0));

-- name: make_roles
-- The roles that are missing on this server, and this login's right to take each. Another database of the server may
-- be migrated at the same moment: whoever comes second finds what it wanted.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[
        'drumbeat_write', 'drumbeat_read', 'drumbeat_keys', 'drumbeat_relay', 'drumbeat_project', 'drumbeat_policies',
        'drumbeat_audit', 'drumbeat_operate'
    ] LOOP
        BEGIN
            IF to_regrole(wanted) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        BEGIN
            IF NOT pg_has_role(wanted, 'SET') THEN
                EXECUTE format('GRANT %I TO CURRENT_USER WITH INHERIT FALSE, SET TRUE', wanted);
            END IF;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;

-- name: has_bookkeeping
-- Whether any migration was ever applied here.
SELECT to_regclass('public.drumbeat_migrations') IS NOT NULL;

-- name: make_bookkeeping
-- What was applied, by set.
CREATE TABLE IF NOT EXISTS public.drumbeat_migrations (
    set_name text NOT NULL,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (set_name, name)
);
GRANT SELECT ON public.drumbeat_migrations TO PUBLIC;

-- name: applied
-- The names of the migrations of a set that this database has.
SELECT name FROM public.drumbeat_migrations WHERE set_name = %s;

-- name: note_applied
-- A migration is in; written in its own transaction.
INSERT INTO public.drumbeat_migrations (set_name, name) VALUES (%s, %s);
