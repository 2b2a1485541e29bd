-- name: tables
-- A campaign, one row: for the list, the card and the detail page alike (A-03). Written by the projector alone.
CREATE TABLE campaigns (
    workspace_id      text NOT NULL,
    campaign_id       uuid NOT NULL,
    kind              text NOT NULL,
    vocabulary        text NOT NULL,
    name              text NOT NULL,
    status            text NOT NULL,       -- canonical, mission section 1
    interrupted       text,                -- the status that a pause interrupted
    status_label      text NOT NULL,       -- the vocabulary's word for it (drumbeat.events.labels)
    status_since      timestamptz NOT NULL,
    source            text NOT NULL,       -- api | import | demonstration
    copied_from       uuid,
    settings          jsonb NOT NULL,
    settings_version  integer NOT NULL,
    agent             text,
    schedule_id       uuid,
    zone              text NOT NULL,
    start_at          timestamptz,         -- as scheduled, else as the settings say
    end_at            timestamptz,
    created_at        timestamptz NOT NULL,
    launched_at       timestamptz,
    paused_at         timestamptz,         -- these four stand while the campaign is paused
    paused_by         text,
    pause_reason      text,
    pause_note        text,
    audience_open     boolean NOT NULL,
    audience_processed boolean NOT NULL,
    window_closed     boolean NOT NULL,
    window_closed_by  text,                -- clock | manual
    drain_until       timestamptz,         -- of a finalizing campaign
    completed_at      timestamptz,
    completion_reason text,
    cancelled_at      timestamptz,
    cancel_reason     text,
    archived_at       timestamptz,
    report            jsonb,               -- {status, reason?, have?, need?}
    import_progress   jsonb,               -- {state, rows?, accepted?, refused?}
    goals             jsonb NOT NULL,      -- [{id, name, description, role, archived}] in the order of definition
    analyses          jsonb NOT NULL,      -- [{id, name, description, question, options, scale, active, archived}]
    steps             jsonb NOT NULL,      -- of a sequence
    deleted           boolean NOT NULL,    -- a tombstone: 410 everywhere but in the history
    version           integer NOT NULL,    -- of the stream
    position          bigint NOT NULL,     -- of the last event
    changed_at        timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id)
) WITH (fillfactor = 80);

-- The three orders of the list (E-02). The names' order is that of the code points: the same on every server.
CREATE INDEX campaigns_by_name ON campaigns (workspace_id, lower(name) COLLATE "C", campaign_id) WHERE NOT deleted;
CREATE INDEX campaigns_by_status ON campaigns (workspace_id, status, campaign_id) WHERE NOT deleted;
CREATE INDEX campaigns_by_date ON campaigns (workspace_id, created_at, campaign_id) WHERE NOT deleted;

-- name: views
-- `name_key` is what the list sorts and searches by.
CREATE OR REPLACE VIEW live.campaigns AS
SELECT workspace_id, campaign_id, kind, vocabulary, name, lower(name) COLLATE "C" AS name_key, status, interrupted,
       status_label, status_since, source, copied_from, settings, settings_version, agent, schedule_id, zone,
       start_at, end_at, created_at, launched_at, paused_at, paused_by, pause_reason, pause_note, audience_open,
       audience_processed, window_closed, window_closed_by, drain_until, completed_at, completion_reason,
       cancelled_at, cancel_reason, archived_at, report, import_progress, goals, analyses, steps, deleted, version,
       position, changed_at
FROM campaigns;
