-- name: tables
-- The audit history: every change of a campaign, its goals, settings and senders, of schedules and suppressions, of
-- the workspace and its keys, and what people changed on contacts. Rows are only ever added; nothing personal stands
-- here. Written by the projector alone.
CREATE TABLE history (
    workspace_id   text NOT NULL,
    position       bigint NOT NULL,         -- of the event
    event_id       uuid NOT NULL,
    stream         text NOT NULL,           -- campaign | contact | sender | schedule | suppression | workspace
    stream_id      uuid NOT NULL,
    campaign_id    uuid,                    -- null: the change belongs to no campaign
    type           text NOT NULL,           -- the event's: campaign.paused.v1
    subject_id     uuid,                    -- the goal, analysis, sender or key that changed
    time           timestamptz NOT NULL,
    actor          text NOT NULL,
    cause          text NOT NULL,           -- user | system | provider
    reason         text,
    before         jsonb,                   -- changed keys only, where the event says what was before
    after          jsonb,
    correlation_id uuid NOT NULL,
    causation_id   uuid,
    via            text,                    -- the key through which the actor was named: key:NAME
    PRIMARY KEY (workspace_id, position)
);

CREATE INDEX history_of_campaign ON history (workspace_id, campaign_id, position) WHERE campaign_id IS NOT NULL;
CREATE INDEX history_of_workspace ON history (workspace_id, position) WHERE campaign_id IS NULL;
CREATE INDEX history_of_stream ON history (workspace_id, stream_id, position);

-- name: views
-- Deleted campaigns keep theirs.
CREATE OR REPLACE VIEW live.history AS
SELECT workspace_id, position, event_id, stream, stream_id, campaign_id, type, subject_id, time, actor, cause,
       reason, before, after, correlation_id, causation_id, via
FROM history;
