-- Rebuilds that were asked for over HTTP: written down here, carried out by a process that projects, and kept.
CREATE TABLE readmodel.rebuilds (
    rebuild_id       uuid PRIMARY KEY,
    generation       text NOT NULL UNIQUE,  -- the one that it makes; the name is nobody else's from then on
    projections      text[] NOT NULL,       -- whole families
    workers          integer NOT NULL,
    lag_limit_events bigint NOT NULL,       -- it rests while what is read is further behind than this
    go_live          boolean NOT NULL,      -- by itself, when no row differs
    asked_by         text NOT NULL,
    asked_at         timestamptz NOT NULL DEFAULT now(),
    began_at         timestamptz,           -- when somebody took it up first
    cancelling       boolean NOT NULL DEFAULT false,
    held             boolean NOT NULL DEFAULT false, -- somebody is at it, or died over it
    tries            integer NOT NULL DEFAULT 0,     -- times in a row that somebody died over it, or failed
    slices_seen      bigint NOT NULL DEFAULT 0,      -- slices that were done when it was taken up last
    problem          text,                  -- why it failed or did not go live; before the end: what holds it up
    differences      jsonb,                 -- rows and columns that differ, counted by table
    ended_at         timestamptz,
    outcome          text                   -- live · built · cancelled · failed
);

-- Other generations put in front of readers, as somebody asked over HTTP.
CREATE TABLE readmodel.switches (
    switch_id           uuid PRIMARY KEY,
    generation          text NOT NULL,
    projections         text[] NOT NULL,
    asked_by            text NOT NULL,
    asked_at            timestamptz NOT NULL DEFAULT now(),
    ended_at            timestamptz,
    locked_milliseconds double precision,   -- how long readers waited for a view, at most
    problem             text                -- why it was not done
);

-- Whoever asks for rebuilds sees how all generations are, and nothing of what is in them: samples of rows that differ
-- stand in `compared`.
GRANT USAGE ON SCHEMA readmodel TO drumbeat_operate;
GRANT SELECT ON readmodel.projections, readmodel.checkpoints, readmodel.slices TO drumbeat_operate;
GRANT SELECT (generation, mark, slices, events, started_at, cancelled_at, stage, passing),
    UPDATE (cancelled_at) ON readmodel.builds TO drumbeat_operate;
GRANT SELECT, INSERT, UPDATE (cancelling, ended_at, outcome) ON readmodel.rebuilds TO drumbeat_operate;
GRANT SELECT, INSERT ON readmodel.switches TO drumbeat_operate;
GRANT SELECT, UPDATE ON readmodel.rebuilds, readmodel.switches TO drumbeat_project;

-- Where the server's files are, so that free space is looked for before a rebuild; null when it may not be told.
CREATE FUNCTION readmodel.data_directory() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN current_setting('data_directory');
EXCEPTION WHEN insufficient_privilege THEN
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION readmodel.data_directory() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION readmodel.data_directory() TO drumbeat_project, drumbeat_operate;
