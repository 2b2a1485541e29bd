-- name: dashboard
-- A campaign and every counter of it that is not zero, beside its position: one round trip, one snapshot.
SELECT p.position, p.recorded_at, json_build_object(
    'campaign_id', c.campaign_id,
    'deleted', c.deleted,
    'goals', c.goals,
    'counters', (
        SELECT coalesce(json_object_agg(concat_ws(':', d.metric, nullif(d.key, '')), d.value), '{{}}')
        FROM live.dashboard_counters d
        WHERE d.workspace_id = $1::text AND d.campaign_id = $2::uuid
    )
)
FROM ({position}) p
LEFT JOIN live.campaigns c ON c.workspace_id = $1::text AND c.campaign_id = $2::uuid
