-- The projector's bookkeeping: how far each projection is, what it could not apply, which generation is read.
CREATE SCHEMA IF NOT EXISTS readmodel;
CREATE SCHEMA IF NOT EXISTS live;

-- One row per projection; written by the projector in the transaction of the rows it stands for, compare-and-set.
CREATE TABLE readmodel.checkpoints (
    generation    text NOT NULL,
    projection    text NOT NULL,
    position      bigint NOT NULL,
    last_event_id uuid,                    -- of the event at `position`; null before the first, or when unreadable
    recorded_at   timestamptz,             -- when that event was recorded: the age of what readers see
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (generation, projection)
) WITH (fillfactor = 50);

-- Which definition of a projection a generation holds; written when the generation is installed.
CREATE TABLE readmodel.projections (
    generation   text NOT NULL,
    projection   text NOT NULL,
    version      integer NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (generation, projection)
);

-- Events that a projection could not apply, and those of the same stream that wait behind them, in order.
-- Written by the projector, taken out by whoever re-drives them.
CREATE TABLE readmodel.parked_events (
    generation text NOT NULL,
    projection text NOT NULL,
    position   bigint NOT NULL,
    stream_id  uuid,                       -- null when the bytes do not even say that
    type       text NOT NULL,
    bytes      bytea NOT NULL,
    error      text,                       -- null: nothing wrong with it, it waits behind an earlier one
    parked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (generation, projection, position)
);

CREATE INDEX parked_events_by_stream ON readmodel.parked_events (generation, projection, stream_id, position);
