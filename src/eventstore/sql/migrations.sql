-- name: take_turns
-- One migration at a time in a database; held until the connection closes.
SELECT pg_advisory_lock(hashtextextended('drumbeat migrations', 0));

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

-- name: applied
-- The names of the migrations of a set that this database has.
SELECT name FROM public.drumbeat_migrations WHERE set_name = %s;

-- name: note_applied
-- A migration is in; written in its own transaction.
INSERT INTO public.drumbeat_migrations (set_name, name) VALUES (%s, %s);
