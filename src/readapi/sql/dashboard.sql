-- name: dashboard
-- A campaign and every counter of it that is not zero. One statement: one round trip, one snapshot.
SELECT p.position, p.recorded_at, c.campaign_id, c.vocabulary, c.goals, c.deleted,
       (SELECT coalesce(json_object_agg(concat_ws(':', d.metric, nullif(d.key, '')), d.value), '{{}}')
        FROM live.dashboard_counters d
        WHERE d.workspace_id = %(workspace_id)s AND d.campaign_id = %(campaign_id)s) AS counters
FROM ({position}) p
LEFT JOIN live.campaigns c ON c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s
