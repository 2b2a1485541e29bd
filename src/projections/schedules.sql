-- name: tables
-- Business hours, from which a reader tells whether a campaign is open now. Written by the projector alone.
CREATE TABLE schedules (
    workspace_id text NOT NULL,
    schedule_id  uuid NOT NULL,
    name         text NOT NULL,
    zone         text NOT NULL,             -- IANA
    weekly_hours jsonb NOT NULL,            -- [{weekday, opens_minute, closes_minute}]
    holidays     jsonb NOT NULL,            -- [{year, month, day}]
    version      integer NOT NULL,
    position     bigint NOT NULL,
    PRIMARY KEY (workspace_id, schedule_id)
);

-- name: views
-- The hours as their events gave them.
CREATE OR REPLACE VIEW live.schedules AS
SELECT workspace_id, schedule_id, name, zone, weekly_hours, holidays, version, position
FROM schedules;
