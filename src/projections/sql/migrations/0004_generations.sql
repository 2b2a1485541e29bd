-- A projection may stand in several generations: one that readers see, others being built beside it or kept behind it.
ALTER TABLE readmodel.projections
    ADD COLUMN state   text NOT NULL DEFAULT 'live', -- building · built · live · kept
    ADD COLUMN left_at timestamptz;                  -- when it was last put behind another generation

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
    compared     jsonb                     -- what differed from the rows that were live, when they were compared last
);

-- `events` is told while the slice is folded, for whoever watches; the slice is there when `done_at` is.
CREATE TABLE readmodel.slices (
    generation text NOT NULL REFERENCES readmodel.builds ON DELETE CASCADE,
    slice      integer NOT NULL,
    events     bigint NOT NULL DEFAULT 0,
    done_at    timestamptz,
    PRIMARY KEY (generation, slice)
);

-- How far the generations are that readers see.
CREATE VIEW readmodel.live_checkpoints AS
SELECT projection, generation, partition, position, last_event_id, recorded_at, updated_at, next_offset, began_at
FROM readmodel.checkpoints JOIN readmodel.projections USING (generation, projection)
WHERE state = 'live';

-- What they had to set aside.
CREATE VIEW readmodel.live_parked_events AS
SELECT * FROM readmodel.parked_events AS parked
WHERE EXISTS (
    SELECT FROM readmodel.projections AS live
    WHERE live.state = 'live' AND live.generation = parked.generation AND parked.projection IN (live.projection, '*')
);

GRANT SELECT, UPDATE, DELETE ON readmodel.live_parked_events TO drumbeat_project;
GRANT SELECT, INSERT, UPDATE, DELETE ON readmodel.builds, readmodel.slices TO drumbeat_project;
GRANT SELECT ON readmodel.live_checkpoints TO drumbeat_project, drumbeat_read, drumbeat_policies;
REVOKE SELECT ON readmodel.checkpoints FROM drumbeat_read, drumbeat_policies;
