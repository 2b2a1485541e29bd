-- The projector's bookkeeping: how far each projection is, what it could not apply, which generation is read.
CREATE SCHEMA IF NOT EXISTS readmodel;
CREATE SCHEMA IF NOT EXISTS live;

-- How far each projection is in each partition: the log is one, named `log`; on Kafka it is `TOPIC/NUMBER`. Written by
-- the projector in the transaction of the rows it stands for, compare-and-set.
CREATE TABLE readmodel.checkpoints (
    generation    text NOT NULL,
    projection    text NOT NULL,
    position      bigint NOT NULL,
    last_event_id uuid,                    -- of the event at `position`; null before the first, or when unreadable
    recorded_at   timestamptz,             -- when that event was recorded: the age of what readers see
    updated_at    timestamptz NOT NULL,
    partition     text NOT NULL,
    next_offset   bigint,                  -- on Kafka: what is read next
    began_at      bigint NOT NULL DEFAULT 0, -- up to here the rows were made before this partition fed them
    PRIMARY KEY (generation, projection, partition)
) WITH (fillfactor = 50);

-- Which definition of a projection a generation holds; written when the generation is installed.
CREATE TABLE readmodel.projections (
    generation   text NOT NULL,
    projection   text NOT NULL,
    version      integer NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now(),
    state        text NOT NULL DEFAULT 'live', -- building · built · live · kept
    left_at      timestamptz,                  -- when it was last put behind another generation
    package      text,                         -- who brought the projection; null: Drumbeat itself
    tables       text[],                       -- then, the tables that it made
    PRIMARY KEY (generation, projection)
);

CREATE UNIQUE INDEX projections_live ON readmodel.projections (projection) WHERE state = 'live';

-- How a generation is being made: from the log up to a mark, in slices of its streams. Written by whoever builds it.
CREATE TABLE readmodel.builds (
    generation   text PRIMARY KEY,
    mark         bigint NOT NULL,          -- everything up to here is folded in slices, what comes later one by one
    slices       integer NOT NULL,         -- a power of two
    events       bigint NOT NULL,          -- at most so many are to be looked at
    indexes      jsonb NOT NULL,           -- the statements that make keys and indexes again
    started_at   timestamptz NOT NULL DEFAULT now(),
    cancelled_at timestamptz,              -- somebody wants it to end
    stage        text NOT NULL DEFAULT 'slices', -- slices · indexes · catching up
    compared     jsonb,                    -- what differed from the rows that were live, when they were compared last
    passing      boolean NOT NULL DEFAULT false -- made to be compared only, and taken away after
);

-- `events` is told while the slice is folded, for whoever watches; the slice is there when `done_at` is.
CREATE TABLE readmodel.slices (
    generation text NOT NULL REFERENCES readmodel.builds ON DELETE CASCADE,
    slice      integer NOT NULL,
    events     bigint NOT NULL DEFAULT 0,
    done_at    timestamptz,
    PRIMARY KEY (generation, slice)
);

-- What could not be applied, whole: an event that failed with what waits behind it in its stream, or a record that is
-- no event of ours. Written by the projector; who wants it tried again sets `retry_at`.
CREATE TABLE readmodel.parked_events (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation   text NOT NULL,
    projection   text NOT NULL,            -- `*`: nobody's, because the record is no event of ours
    kind         text NOT NULL,            -- poison: it fails · waiting: behind an earlier one · gap: events before it
                                           -- are missing · foreign: no event of ours
    partition    text NOT NULL,
    next_offset  bigint,                   -- the one after the record's own; null in the log
    position     bigint NOT NULL,          -- of a foreign record: that of the event before it
    stream_id    uuid,                     -- null when the bytes do not even say that
    type         text NOT NULL,
    bytes        bytea NOT NULL,
    error        text,                     -- null: nothing wrong with it, it waits
    recorded_at  timestamptz NOT NULL,
    parked_at    timestamptz NOT NULL DEFAULT now(),
    attempts     integer NOT NULL DEFAULT 0, -- how often it was tried again
    retry_at     timestamptz,              -- when it is to be tried again; null: when somebody asks for it
    published_at timestamptz               -- when it was copied to the topic of dead letters
);

CREATE INDEX parked_events_by_stream ON readmodel.parked_events (generation, stream_id, position);

-- What is still to be copied to the topic of dead letters, looked for every half second: most of the time nothing.
CREATE INDEX parked_events_to_publish ON readmodel.parked_events (generation, id)
    WHERE published_at IS NULL AND partition <> 'log';

-- How far the generations are that readers see.
CREATE VIEW readmodel.live_checkpoints AS
SELECT projection, generation, partition, position, last_event_id, recorded_at, updated_at, next_offset, began_at,
    package
FROM readmodel.checkpoints JOIN readmodel.projections USING (generation, projection)
WHERE state = 'live';

-- What they had to set aside.
CREATE VIEW readmodel.live_parked_events AS
SELECT * FROM readmodel.parked_events AS parked
WHERE EXISTS (
    SELECT FROM readmodel.projections AS live
    WHERE live.state = 'live' AND live.generation = parked.generation AND parked.projection IN (live.projection, '*')
);

-- Projectors make generations, and may make no other schema: whoever keeps read models up to date makes them anew too.
CREATE FUNCTION readmodel.make_generation(generation text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF generation !~ '^gen_[1-9][0-9]{0,8}$' THEN
        RAISE EXCEPTION '% is no name of a generation', generation USING ERRCODE = 'invalid_name';
    END IF;
    EXECUTE format('CREATE SCHEMA %I AUTHORIZATION drumbeat_project', generation);
END
$$;

REVOKE ALL ON FUNCTION readmodel.make_generation(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION readmodel.make_generation(text) TO drumbeat_project;

GRANT USAGE ON SCHEMA readmodel, live TO drumbeat_project, drumbeat_read, drumbeat_policies;

-- Projectors keep the books. The tables of a generation and the views on them are theirs
-- (projections/engine/walls.sql says who else sees them).
GRANT CREATE ON SCHEMA live TO drumbeat_project;
GRANT SELECT, INSERT, UPDATE, DELETE ON readmodel.checkpoints, readmodel.projections, readmodel.parked_events
    TO drumbeat_project;

GRANT SELECT, UPDATE, DELETE ON readmodel.live_parked_events TO drumbeat_project;
GRANT SELECT, INSERT, UPDATE, DELETE ON readmodel.builds, readmodel.slices TO drumbeat_project;

-- How far the read models are, in every answer and before a policy acts. Positions only: nothing of a workspace.
GRANT SELECT ON readmodel.live_checkpoints TO drumbeat_project, drumbeat_read, drumbeat_policies;

-- The read API answers as of earlier moments from temporary tables of its own session. By default everybody may make
-- such tables; where that was taken away the reading role needs the right by name. Read models stay out of its reach.
DO $$
BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO drumbeat_read', current_database());
END
$$;

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
