-- name: counters
-- Every counter of a campaign that is not zero.
SELECT metric, key, value
FROM live.dashboard_counters
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
