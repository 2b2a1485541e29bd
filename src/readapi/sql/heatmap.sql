-- name: heatmap
-- A campaign and every cell that holds anything, beside its position: one round trip, one snapshot.
SELECT p.position, p.recorded_at, json_build_object(
    'campaign_id', c.campaign_id,
    'deleted', c.deleted,
    'zone', c.zone,
    'cells', (
        SELECT coalesce(json_agg(h), '[]')
        FROM live.heatmap_cells h
        WHERE h.workspace_id = $1::text AND h.campaign_id = $2::uuid
    )
)
FROM ({position}) p
LEFT JOIN live.campaigns c ON c.workspace_id = $1::text AND c.campaign_id = $2::uuid
