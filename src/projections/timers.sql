-- name: tables
-- What the policies' clock reads (timers.py says what each kind means). Written by the projector alone; policies
-- read and lock, and never write. History imports leave no row here.

-- One row per campaign that was not imported.
CREATE TABLE campaign_watch (
    workspace_id      text NOT NULL,
    campaign_id       uuid NOT NULL,
    status            text NOT NULL,       -- from here to `reopened`: campaign_stage.py
    interrupted       text,
    start_at          timestamptz,
    end_at            timestamptz,
    window_closed_by  text,
    drain_until       timestamptz,
    audience_open     boolean NOT NULL,
    audience_processed boolean NOT NULL,
    reopened          boolean NOT NULL,
    spam_threshold    smallint NOT NULL,
    channel           text,                -- the channel whose suppressions concern it; null: every one
    by_audience       boolean NOT NULL,    -- its kind completes by itself (all but surveys)
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
CREATE INDEX campaign_watch_live ON campaign_watch (workspace_id, campaign_id) WHERE over_position IS NULL;

-- One row per contact of such a campaign: how far its calls are, as timers need it.
CREATE TABLE contact_watch (
    workspace_id       text NOT NULL,
    campaign_id        uuid NOT NULL,
    contact_id         uuid NOT NULL,
    open               boolean NOT NULL,   -- neither finished nor removed
    untouched          boolean NOT NULL,   -- no call was ever placed or received
    removed            boolean NOT NULL,
    in_flight          integer,            -- the attempt that is in flight
    lost_at            timestamptz,        -- when it counts as lost
    completion_due_at  timestamptz,        -- end of the completion timeout that runs
    addresses          text NOT NULL,      -- CHANNEL:KEY, separated by blanks; KEY is a suppression stream
    addresses_position bigint NOT NULL,    -- since when the contact is open with these addresses
    enrolled_position  bigint NOT NULL,
    position           bigint NOT NULL,    -- of the last event that changed this row
    PRIMARY KEY (workspace_id, campaign_id, contact_id)
) WITH (fillfactor = 85);

CREATE INDEX contact_watch_lost ON contact_watch (lost_at) WHERE lost_at IS NOT NULL;
CREATE INDEX contact_watch_completion ON contact_watch (completion_due_at) WHERE completion_due_at IS NOT NULL;
CREATE INDEX contact_watch_newest ON contact_watch (enrolled_position) WHERE open AND untouched;

-- Which open contacts have an address; the rows follow from contact_watch.
CREATE TABLE contact_addresses (
    workspace_id text NOT NULL,
    address_key  uuid NOT NULL,            -- a suppression stream
    campaign_id  uuid NOT NULL,
    contact_id   uuid NOT NULL,
    channel      text NOT NULL,
    position     bigint NOT NULL,
    PRIMARY KEY (workspace_id, address_key, campaign_id, contact_id)
);

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
    standing         text NOT NULL,        -- active | disabled | excluded | unassigned
    settled_version  integer NOT NULL,     -- the spam report that its last reinstatement settled; 0: none
    position         bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, sender_id)
);

-- The newest spam report of every sender that has one.
CREATE TABLE spam_scores (
    workspace_id text NOT NULL,
    sender_id    uuid NOT NULL,
    score        smallint NOT NULL,
    report_version integer NOT NULL,       -- of the report in the sender's stream
    position     bigint NOT NULL,
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
SELECT workspace_id, campaign_id, status, interrupted, start_at, end_at, window_closed_by, drain_until, audience_open,
       audience_processed, reopened, spam_threshold, channel, by_audience, judge_after, over_position, due_kind, due_at,
       judgeable, position
FROM campaign_watch;

CREATE OR REPLACE VIEW live.contact_watch AS
SELECT workspace_id, campaign_id, contact_id, open, untouched, removed, in_flight, lost_at, completion_due_at,
       addresses, addresses_position, enrolled_position, position
FROM contact_watch;

CREATE OR REPLACE VIEW live.contact_addresses AS
SELECT workspace_id, address_key, campaign_id, contact_id, channel, position
FROM contact_addresses;

CREATE OR REPLACE VIEW live.suppressed_addresses AS
SELECT workspace_id, address_key, position
FROM suppressed_addresses;

CREATE OR REPLACE VIEW live.watched_senders AS
SELECT workspace_id, campaign_id, sender_id, standing, settled_version, position
FROM watched_senders;

CREATE OR REPLACE VIEW live.spam_scores AS
SELECT workspace_id, sender_id, score, report_version, position
FROM spam_scores;

CREATE OR REPLACE VIEW live.progress AS
SELECT workspace_id, campaign_id,
       coalesce(sum(value) FILTER (WHERE what = 'open'), 0)::bigint AS open,
       coalesce(sum(value) FILTER (WHERE what = 'in_flight'), 0)::bigint AS in_flight,
       coalesce(sum(value) FILTER (WHERE what = 'awaiting'), 0)::bigint AS awaiting
FROM progress
GROUP BY workspace_id, campaign_id;

-- name: grants
-- Policies see every timer. To hold a row while they work on it they need UPDATE of some column; the tables' row-level
-- security refuses what an UPDATE would write.
GRANT SELECT ON campaign_watch, contact_watch, contact_addresses, suppressed_addresses, watched_senders, spam_scores,
    progress TO drumbeat_policies;
GRANT SELECT ON live.campaign_watch, live.contact_watch, live.contact_addresses, live.suppressed_addresses,
    live.watched_senders, live.spam_scores, live.progress TO drumbeat_policies;
GRANT UPDATE (position) ON campaign_watch, contact_watch, watched_senders TO drumbeat_policies;
GRANT UPDATE (position) ON live.campaign_watch, live.contact_watch, live.watched_senders TO drumbeat_policies;

-- name: due_campaigns
-- Campaigns whose start, end or drain deadline has come.
SELECT due_kind AS kind, workspace_id, campaign_id AS stream_id, campaign_id, due_at, position AS cause_position
FROM live.campaign_watch
WHERE due_at <= %(now)s
ORDER BY due_at
LIMIT %(limit)s
FOR UPDATE SKIP LOCKED;

-- name: lost_calls
-- Calls in flight for so long that they count as lost.
SELECT 'lost_call' AS kind, workspace_id, contact_id AS stream_id, campaign_id, lost_at AS due_at,
       position AS cause_position, in_flight AS attempt
FROM live.contact_watch
WHERE lost_at <= %(now)s
ORDER BY lost_at
LIMIT %(limit)s
FOR UPDATE SKIP LOCKED;

-- name: completions_due
-- Contacts whose completion timeout has passed.
SELECT 'completion_due' AS kind, workspace_id, contact_id AS stream_id, campaign_id, completion_due_at AS due_at,
       position AS cause_position
FROM live.contact_watch
WHERE completion_due_at <= %(now)s
ORDER BY completion_due_at
LIMIT %(limit)s
FOR UPDATE SKIP LOCKED;

-- name: audiences_processed
-- Running or paused campaigns without an open contact; after a reopening only with a contact's event since the resume.
-- Partitions that feed the rows stand at different positions. That nobody is open says something only once every one
-- of them has passed what is known of the campaign: else those who are open may stand in one that is behind. CASE: the
-- campaign's contacts are looked at in this order only, not at every look of the clock.
SELECT 'finish_audience' AS kind, w.workspace_id, w.campaign_id AS stream_id, w.campaign_id,
       w.position AS cause_position
FROM live.campaign_watch w
WHERE w.judgeable
  AND CASE WHEN coalesce((SELECT p.open FROM live.progress p
                          WHERE p.workspace_id = w.workspace_id AND p.campaign_id = w.campaign_id), 0) = 0 THEN
       greatest(w.position, (SELECT max(c.position) FROM live.contact_watch c
                             WHERE c.workspace_id = w.workspace_id AND c.campaign_id = w.campaign_id))
       <= (SELECT min(position) FROM readmodel.live_checkpoints WHERE projection = 'timers')
  END
  AND (w.judge_after = 0
       OR EXISTS (SELECT FROM live.contact_watch c
                  WHERE c.workspace_id = w.workspace_id AND c.campaign_id = w.campaign_id
                    AND c.position > w.judge_after))
LIMIT %(limit)s
FOR UPDATE OF w SKIP LOCKED;

-- name: drained
-- Finalizing campaigns with nothing in flight and no completion timeout running, once no partition is behind.
SELECT 'finish_finalizing' AS kind, w.workspace_id, w.campaign_id AS stream_id, w.campaign_id,
       w.position AS cause_position
FROM live.campaign_watch w
WHERE w.status = 'finalizing'
  AND CASE WHEN coalesce((SELECT p.in_flight + p.awaiting FROM live.progress p
                          WHERE p.workspace_id = w.workspace_id AND p.campaign_id = w.campaign_id), 0) = 0 THEN
       greatest(w.position, (SELECT max(c.position) FROM live.contact_watch c
                             WHERE c.workspace_id = w.workspace_id AND c.campaign_id = w.campaign_id))
       <= (SELECT min(position) FROM readmodel.live_checkpoints WHERE projection = 'timers')
  END
LIMIT %(limit)s
FOR UPDATE OF w SKIP LOCKED;

-- name: spam_reached
-- Senders not yet excluded whose newest spam report reaches the campaign's threshold and was not settled by a reinstatement.
SELECT 'judge_spam_score' AS kind, w.workspace_id, s.sender_id AS stream_id, w.campaign_id,
       greatest(r.position, s.position, w.position) AS cause_position, r.score
FROM live.campaign_watch w
JOIN live.watched_senders s USING (workspace_id, campaign_id)
JOIN live.spam_scores r USING (workspace_id, sender_id)
WHERE w.over_position IS NULL AND s.standing IN ('active', 'disabled')
  AND r.score >= w.spam_threshold AND r.report_version > s.settled_version
LIMIT %(limit)s
FOR UPDATE OF s SKIP LOCKED;

-- name: suppressed_contacts
-- Open contacts of campaigns that are not over with a suppressed address, where one of the two is newer than `since`.
WITH pairs AS (
    SELECT a.workspace_id, a.campaign_id, a.contact_id, a.address_key, a.channel,
           greatest(a.position, s.position) AS cause_position
    FROM live.suppressed_addresses s
    JOIN live.contact_addresses a USING (workspace_id, address_key)
    WHERE s.position > %(since)s
    UNION
    SELECT a.workspace_id, a.campaign_id, a.contact_id, a.address_key, a.channel,
           greatest(a.position, s.position) AS cause_position
    FROM live.contact_addresses a
    JOIN live.suppressed_addresses s USING (workspace_id, address_key)
    WHERE a.position > %(since)s
)
SELECT 'suppressed_contact' AS kind, p.workspace_id, p.contact_id AS stream_id, p.campaign_id, p.cause_position,
       p.address_key
FROM pairs p
JOIN live.campaign_watch w USING (workspace_id, campaign_id)
WHERE w.status NOT IN ('completed', 'cancelled', 'archived', 'deleted')
  AND (w.channel IS NULL OR w.channel = p.channel)
ORDER BY p.cause_position, p.contact_id
LIMIT %(limit)s;

-- name: late_enrolments
-- Contacts never called whose enrolment crossed the end of their campaign. When the end was that all were processed,
-- whoever is still untouched crossed it; after any other end, whoever came later.
SELECT 'campaign_over' AS kind, c.workspace_id, c.contact_id AS stream_id, c.campaign_id,
       greatest(c.enrolled_position, w.over_position) AS cause_position
FROM live.contact_watch c
JOIN live.campaign_watch w USING (workspace_id, campaign_id)
WHERE c.open AND c.untouched AND c.enrolled_position > %(since)s
  AND w.over_position IS NOT NULL AND (w.audience_processed OR c.enrolled_position > w.over_position)
UNION
SELECT 'campaign_over', c.workspace_id, c.contact_id, c.campaign_id,
       greatest(c.enrolled_position, w.over_position)
FROM live.campaign_watch w
JOIN live.contact_watch c USING (workspace_id, campaign_id)
WHERE w.over_position > %(since)s AND w.audience_processed
  AND coalesce((SELECT p.open FROM live.progress p
                WHERE p.workspace_id = w.workspace_id AND p.campaign_id = w.campaign_id), 0) > 0
  AND c.open AND c.untouched
ORDER BY cause_position, stream_id
LIMIT %(limit)s;

-- name: applied_position
-- Up to which position of the log these tables are.
SELECT coalesce(min(position), 0) FROM readmodel.live_checkpoints WHERE projection = 'timers';
