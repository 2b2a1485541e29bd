-- name: tables
-- Numbers, mailboxes and accounts, and what each may do for which campaign (E-22). How often a campaign used one is
-- counted in sender_calls (dashboard.sql). Written by the projector alone.
CREATE TABLE senders (
    workspace_id       text NOT NULL,
    sender_id          uuid NOT NULL,
    channel            text NOT NULL,
    friendly_name      text NOT NULL,
    address            text NOT NULL,
    daily_limit        integer,
    schedule_id        uuid,
    spam_score         smallint,            -- 0 to 10; null: never reported
    spam_source        text,
    spam_reported_at   timestamptz,
    connected          boolean NOT NULL,
    disconnected_cause text,
    retired            boolean NOT NULL,
    version            integer NOT NULL,
    position           bigint NOT NULL,
    PRIMARY KEY (workspace_id, sender_id)
);

CREATE TABLE campaign_senders (
    workspace_id       text NOT NULL,
    campaign_id        uuid NOT NULL,
    sender_id          uuid NOT NULL,
    standing           text NOT NULL,       -- active | disabled | excluded
    standing_since     timestamptz NOT NULL,
    weight             integer NOT NULL,
    assigned_at        timestamptz NOT NULL,
    excluded_score     smallint,            -- these two stand while it is excluded
    excluded_threshold smallint,
    position           bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, sender_id)
);

-- name: views
-- Score bands: 0 to 4 green, 5 and 6 yellow, from 7 on red (E-22).
CREATE OR REPLACE VIEW live.senders AS
SELECT workspace_id, sender_id, channel, friendly_name, address, daily_limit, schedule_id, spam_score,
       CASE WHEN spam_score >= 7 THEN 'red' WHEN spam_score >= 5 THEN 'yellow' WHEN spam_score >= 0 THEN 'green'
       END AS spam_band,
       spam_source, spam_reported_at, connected, disconnected_cause, retired, version, position
FROM senders;

-- What a campaign's sender table shows but for its calls; a sender whose own stream was not read yet is not there.
CREATE OR REPLACE VIEW live.campaign_senders AS
SELECT a.workspace_id, a.campaign_id, a.sender_id, a.standing, a.standing_since, a.weight, a.assigned_at,
       a.excluded_score, a.excluded_threshold,
       s.channel, s.friendly_name, s.address, s.daily_limit, s.spam_score,
       CASE WHEN s.spam_score >= 7 THEN 'red' WHEN s.spam_score >= 5 THEN 'yellow' WHEN s.spam_score >= 0 THEN 'green'
       END AS spam_band,
       s.spam_reported_at, s.connected, s.retired, greatest(a.position, s.position) AS position
FROM campaign_senders a
JOIN senders s USING (workspace_id, sender_id);
