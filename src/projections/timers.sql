-- name: tables
-- What the policies' clock reads (timers.py says what each kind means). Written by the projector alone; policies
-- read and lock, and never write. History imports leave no row here.

-- One row per campaign that was not imported.
CREATE TABLE campaign_watch (
    workspace_id      text NOT NULL,
    campaign_id       uuid NOT NULL,
    status            text NOT NULL,
    interrupted       text,                -- the status that a pause interrupted
    start_at          timestamptz,         -- of a scheduled campaign
    end_at            timestamptz,
    window_closed     boolean NOT NULL,
    drain_until       timestamptz,
    spam_threshold    smallint NOT NULL,
    by_audience       boolean NOT NULL,    -- its kind completes by itself (all but surveys)
    audience_open     boolean NOT NULL,
    importing         boolean NOT NULL,
    processed         boolean NOT NULL,    -- audience_processed was written and no reopening came after it
    reopened          boolean NOT NULL,    -- reopened and not yet resumed: completion is not judged
    judge_after       bigint NOT NULL,     -- the resume after a reopening; 0: never reopened
    over_position     bigint,              -- since when nobody new is accepted; null: enrolment is open
    due_kind          text,                -- the one timer that this status has, and when it is due
    due_at            timestamptz,
    judgeable         boolean NOT NULL,    -- would be processed once no contact is open
    position          bigint NOT NULL,     -- of the last event that changed this row
    PRIMARY KEY (workspace_id, campaign_id)
) WITH (fillfactor = 70);

-- Partial, so that the clock's look costs as many rows as there is work, not as many as there were campaigns.
CREATE INDEX campaign_watch_due ON campaign_watch (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX campaign_watch_judgeable ON campaign_watch (workspace_id, campaign_id) WHERE judgeable;
CREATE INDEX campaign_watch_finalizing ON campaign_watch (workspace_id, campaign_id) WHERE status = 'finalizing';
CREATE INDEX campaign_watch_over ON campaign_watch (over_position) WHERE over_position IS NOT NULL;

-- One row per contact of such a campaign: how far its calls are, as timers need it.
CREATE TABLE contact_watch (
    workspace_id      text NOT NULL,
    campaign_id       uuid NOT NULL,
    contact_id        uuid NOT NULL,
    open              boolean NOT NULL,    -- neither finished nor removed
    untouched         boolean NOT NULL,    -- no call was ever placed or received
    removed           boolean NOT NULL,
    in_flight         integer,             -- the attempt that is in flight
    lost_at           timestamptz,         -- when it counts as lost
    completion_due_at timestamptz,         -- end of the completion timeout that runs
    position          bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, contact_id)
) WITH (fillfactor = 85);

CREATE INDEX contact_watch_lost ON contact_watch (lost_at) WHERE lost_at IS NOT NULL;
CREATE INDEX contact_watch_completion ON contact_watch (completion_due_at) WHERE completion_due_at IS NOT NULL;

-- The addresses of the same contacts, as keyed hashes; apart, because they hardly ever change.
CREATE TABLE contact_addresses (
    workspace_id      text NOT NULL,
    campaign_id       uuid NOT NULL,
    contact_id        uuid NOT NULL,
    address_keys      uuid[] NOT NULL,     -- suppression streams
    enrolled_position bigint NOT NULL,
    position          bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, contact_id)
);

CREATE INDEX contact_addresses_by_key ON contact_addresses USING gin (address_keys);
CREATE INDEX contact_addresses_newest ON contact_addresses (position);

-- The addresses that must not be contacted now; lifting takes the row away.
CREATE TABLE suppressed_addresses (
    workspace_id text NOT NULL,
    address_key  uuid NOT NULL,            -- the suppression stream
    position     bigint NOT NULL,
    PRIMARY KEY (workspace_id, address_key)
);

CREATE INDEX suppressed_addresses_newest ON suppressed_addresses (position);

-- Which sender works for which of these campaigns.
CREATE TABLE watched_senders (
    workspace_id     text NOT NULL,
    campaign_id      uuid NOT NULL,
    sender_id        uuid NOT NULL,
    standing         text NOT NULL,
    cleared_position bigint NOT NULL,      -- of its last reinstatement: older reports count no more; 0: none
    position         bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, sender_id)
);

-- The newest spam report of every sender that has one.
CREATE TABLE spam_scores (
    workspace_id text NOT NULL,
    sender_id    uuid NOT NULL,
    score        smallint NOT NULL,
    position     bigint NOT NULL,          -- of the report
    PRIMARY KEY (workspace_id, sender_id)
);

-- How many contacts of a campaign are open, in flight or awaiting the end of the completion timeout: the sums of a
-- measure over contact_watch, kept by addition.
CREATE TABLE progress (
    workspace_id text NOT NULL,
    campaign_id  uuid NOT NULL,
    what         text NOT NULL,            -- open | in_flight | awaiting
    shard        smallint NOT NULL,
    value        bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, what, shard)
) WITH (fillfactor = 50);

-- name: views
-- Each simple enough that locking its rows locks the table's.
CREATE OR REPLACE VIEW live.campaign_watch AS
SELECT workspace_id, campaign_id, status, interrupted, start_at, end_at, window_closed, drain_until, spam_threshold,
       by_audience, audience_open, importing, processed, reopened, judge_after, over_position, due_kind, due_at,
       judgeable, position
FROM campaign_watch;

CREATE OR REPLACE VIEW live.contact_watch AS
SELECT workspace_id, campaign_id, contact_id, open, untouched, removed, in_flight, lost_at, completion_due_at, position
FROM contact_watch;

CREATE OR REPLACE VIEW live.contact_addresses AS
SELECT workspace_id, campaign_id, contact_id, address_keys, enrolled_position, position
FROM contact_addresses;

CREATE OR REPLACE VIEW live.suppressed_addresses AS
SELECT workspace_id, address_key, position
FROM suppressed_addresses;

CREATE OR REPLACE VIEW live.watched_senders AS
SELECT workspace_id, campaign_id, sender_id, standing, cleared_position, position
FROM watched_senders;

CREATE OR REPLACE VIEW live.spam_scores AS
SELECT workspace_id, sender_id, score, position
FROM spam_scores;

CREATE OR REPLACE VIEW live.progress AS
SELECT workspace_id, campaign_id,
       coalesce(sum(value) FILTER (WHERE what = 'open'), 0)::bigint AS open,
       coalesce(sum(value) FILTER (WHERE what = 'in_flight'), 0)::bigint AS in_flight,
       coalesce(sum(value) FILTER (WHERE what = 'awaiting'), 0)::bigint AS awaiting
FROM progress
GROUP BY workspace_id, campaign_id;
