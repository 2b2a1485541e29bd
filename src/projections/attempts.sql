-- name: tables
-- Every call of every contact, placed or received, and what analyses found in conversations.
-- Written by the projector alone.
CREATE TABLE attempts (
    workspace_id         text NOT NULL,
    campaign_id          uuid NOT NULL,
    contact_id           uuid NOT NULL,
    call_no              integer NOT NULL,  -- the attempt's number; minus the stream version for a received call
    direction            text NOT NULL,     -- placed | received; a received call is a conversation and no attempt
    sender_id            uuid,
    settings_version     integer,
    year                 smallint,          -- local time in `zone`; what is not known is null
    month                smallint,
    day                  smallint,
    weekday              smallint,          -- ISO: 1 Monday ... 7 Sunday
    hour                 smallint,
    minute               smallint,
    zone                 text,
    zone_source          text,              -- contact | campaign
    placed_at            timestamptz,       -- the instant in UTC; null when history does not say
    ended_at             timestamptz,
    answered_by          text,              -- serves a call in flight only
    outcome              text,              -- null while in flight, and for received calls
    answer_status        text,
    conversation         boolean NOT NULL,
    duration_seconds     integer,
    callback_at          timestamptz,
    permanent            boolean NOT NULL,
    detail               text,              -- `lost` when a policy ended the call
    corrected            boolean NOT NULL,
    conversation_id      uuid,
    summary              text,
    transcript_reference text,
    placed_position      bigint NOT NULL,   -- of the event that made the row: the order of the call log
    position             bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, contact_id, call_no)
) WITH (fillfactor = 85);

-- The call log is read newest first; the column never changes, so ending a call touches no index.
CREATE INDEX attempts_in_order ON attempts (workspace_id, campaign_id, placed_position);

CREATE TABLE answers (
    workspace_id    text NOT NULL,
    campaign_id     uuid NOT NULL,
    contact_id      uuid NOT NULL,
    conversation_id uuid NOT NULL,
    analysis_id     uuid NOT NULL,
    value           jsonb NOT NULL,
    answered_at     timestamptz NOT NULL,
    position        bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, contact_id, conversation_id, analysis_id)
);

-- name: erase
-- Of the conversations of these contacts stays that they were, and when; nothing of what was said or found.
WITH gone AS (
    SELECT * FROM unnest(%s::text[], %s::uuid[], %s::uuid[]) AS e (workspace_id, campaign_id, contact_id)
), said AS (
    UPDATE attempts AS a SET summary = NULL, transcript_reference = NULL FROM gone
    WHERE a.workspace_id = gone.workspace_id AND a.campaign_id = gone.campaign_id AND a.contact_id = gone.contact_id
        AND (a.summary IS NOT NULL OR a.transcript_reference IS NOT NULL)
)
UPDATE answers AS a SET value = 'null' FROM gone
WHERE a.workspace_id = gone.workspace_id AND a.campaign_id = gone.campaign_id AND a.contact_id = gone.contact_id;

-- name: views
-- A removed contact's calls stay in the measures and in this list, marked.
CREATE OR REPLACE VIEW live.attempts AS
SELECT a.workspace_id, a.campaign_id, a.contact_id, a.call_no,
       CASE WHEN a.direction = 'placed' THEN a.call_no END AS attempt,
       a.direction, a.sender_id, a.settings_version, a.year, a.month, a.day, a.weekday, a.hour, a.minute,
       a.zone, a.zone_source, a.placed_at, a.ended_at, a.answered_by, a.outcome, a.answer_status, a.conversation,
       a.duration_seconds, a.callback_at, a.permanent, a.detail, a.corrected, a.conversation_id,
       a.summary, a.transcript_reference, a.placed_position, a.position,
       coalesce(c.removed, false) AS removed
FROM attempts a
LEFT JOIN contacts c USING (workspace_id, campaign_id, contact_id);

CREATE OR REPLACE VIEW live.answers AS
SELECT workspace_id, campaign_id, contact_id, conversation_id, analysis_id, value, answered_at, position
FROM answers;
