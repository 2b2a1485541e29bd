-- name: tables
-- Every counter is the sum of a measure over the rows of contacts or attempts. What each metric means stands in
-- dashboard.py. Written by the projector alone, by addition.
CREATE TABLE dashboard_counters (
    workspace_id text NOT NULL,
    campaign_id  uuid NOT NULL,
    metric       text NOT NULL,
    key          text NOT NULL,            -- what the metric is told by: a label, an outcome, GOAL/RESULT; '' for none
    shard        smallint NOT NULL,
    value        bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, metric, key, shard)
) WITH (fillfactor = 50);

-- Calls placed by sender and quarter of an hour (UTC): quarters add up to a calendar day in every zone there is,
-- so that a campaign's zone may change and "today" stays right. Calls whose instant is not known are not here.
CREATE TABLE sender_calls (
    workspace_id text NOT NULL,
    campaign_id  uuid NOT NULL,
    sender_id    uuid NOT NULL,
    quarter      timestamptz NOT NULL,
    shard        smallint NOT NULL,
    value        bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, sender_id, quarter, shard)
) WITH (fillfactor = 70);

-- name: views
-- Shards are summed here; a counter that fell back to zero is not there.
CREATE OR REPLACE VIEW live.dashboard_counters AS
SELECT workspace_id, campaign_id, metric, key, sum(value)::bigint AS value
FROM dashboard_counters
GROUP BY workspace_id, campaign_id, metric, key
HAVING sum(value) <> 0;

CREATE OR REPLACE VIEW live.sender_calls AS
SELECT workspace_id, campaign_id, sender_id, quarter, sum(value)::bigint AS value
FROM sender_calls
GROUP BY workspace_id, campaign_id, sender_id, quarter
HAVING sum(value) <> 0;
