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
