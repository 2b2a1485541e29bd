-- name: heatmap
-- A campaign and every cell that holds anything, the unknown ones too. One statement: one round trip, one snapshot.
SELECT p.position, p.recorded_at, c.campaign_id, c.zone, c.deleted,
       (SELECT coalesce(json_agg(h), '[]')
        FROM live.heatmap_cells h
        WHERE h.workspace_id = %(workspace_id)s AND h.campaign_id = %(campaign_id)s) AS cells
FROM ({position}) p
LEFT JOIN live.campaigns c ON c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s
