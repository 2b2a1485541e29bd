-- name: tables
-- What was done in a campaign, one narrow row an action; words are put on when it is read. A call is one row,
-- written when it ended. Rows are only ever added. Written by the projector alone.
CREATE TABLE activity (
    workspace_id text NOT NULL,
    campaign_id  uuid NOT NULL,
    position     bigint NOT NULL,           -- of the event: the order of the list
    contact_id   uuid,                      -- null: an action on the campaign itself
    action       text NOT NULL,             -- activity.py: ACTIONS
    code         text,                      -- the one word that tells more: an outcome, a reason
    number       integer,                   -- the attempt, or a count
    subject_id   uuid,                      -- the goal, analysis or sender that the action is about
    actor        text NOT NULL,
    cause        text NOT NULL,             -- user | system | provider
    time         timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, position)
);

CREATE INDEX activity_of_contact ON activity (workspace_id, campaign_id, contact_id, position);

-- name: views
-- In the order of `position`; the newest first is what people read.
CREATE OR REPLACE VIEW live.activity AS
SELECT workspace_id, campaign_id, position, contact_id, action, code, number, subject_id, actor, cause, time
FROM activity;
