-- Read models are fed from the log or from the partitions of topics. A checkpoint is kept for each partition: the
-- log is one, named `log`; on Kafka it is `TOPIC/NUMBER`.
ALTER TABLE readmodel.checkpoints
    ADD COLUMN partition   text NOT NULL DEFAULT 'log',
    ADD COLUMN next_offset bigint,         -- on Kafka: what is read next
    ADD COLUMN began_at    bigint NOT NULL DEFAULT 0, -- up to here the rows were made before this partition fed them
    DROP CONSTRAINT checkpoints_pkey,
    ADD PRIMARY KEY (generation, projection, partition);
ALTER TABLE readmodel.checkpoints ALTER COLUMN partition DROP DEFAULT;

-- What could not be applied, whole: records that are no events of ours too.
DROP TABLE readmodel.parked_events;
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
