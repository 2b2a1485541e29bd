-- name: cells
-- Every cell that holds anything, the unknown ones too.
SELECT weekday, hour, zone_source, what, value
FROM live.heatmap_cells
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
