-- name: tables
-- A campaign, one row: for the list, the card and the detail page alike (A-03). Written by the projector alone.
CREATE TABLE campaigns (
    workspace_id      text NOT NULL,
    campaign_id       uuid NOT NULL,
    kind              text NOT NULL,
    vocabulary        text NOT NULL,
    name              text NOT NULL,
    name_key          text COLLATE "C" NOT NULL,  -- the name as it is sorted and searched: Python's casefold of it
    status            text NOT NULL,       -- canonical
    interrupted       text,                -- while paused: the status that the pause interrupted
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
    window_closed_by  text,                -- clock | manual; null: the window is open
    reopened          boolean NOT NULL,    -- and not resumed since
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

-- The three orders of the list (E-02). Names are ordered by code points: the same on every server.
CREATE INDEX campaigns_by_name ON campaigns (workspace_id, name_key, campaign_id) WHERE NOT deleted;
CREATE INDEX campaigns_by_status ON campaigns (workspace_id, status, campaign_id) WHERE NOT deleted;
CREATE INDEX campaigns_by_date ON campaigns (workspace_id, created_at, campaign_id) WHERE NOT deleted;

-- name: views
-- Deleted campaigns are here too: a reader answers 410 for them and leaves them out of lists.
CREATE OR REPLACE VIEW live.campaigns AS
SELECT workspace_id, campaign_id, kind, vocabulary, name, name_key, status, interrupted,
       status_label, status_since, source, copied_from, settings, settings_version, agent, schedule_id, zone,
       start_at, end_at, created_at, launched_at, paused_at, paused_by, pause_reason, pause_note, audience_open,
       audience_processed, window_closed_by, reopened, drain_until, completed_at, completion_reason,
       cancelled_at, cancel_reason, archived_at, report, import_progress, goals, analyses, steps, deleted, version,
       position, changed_at, window_closed_by IS NOT NULL AS window_closed
FROM campaigns;
