-- name: tables
-- Placed calls that have ended, by local weekday and hour. Written by the projector alone, by addition.
CREATE TABLE heatmap_cells (
    workspace_id text NOT NULL,
    campaign_id  uuid NOT NULL,
    weekday      smallint NOT NULL,        -- ISO 1 ... 7; 0: not known (day_unknown)
    hour         smallint NOT NULL,        -- 0 ... 23; -1: not known (hour_unknown), always so without a weekday
    zone_source  text NOT NULL,            -- contact | campaign; '' when no time was recorded at all
    what         text NOT NULL,            -- recorded | human | not_recorded; human is part of recorded
    shard        smallint NOT NULL,
    value        bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, weekday, hour, zone_source, what, shard)
) WITH (fillfactor = 50);

-- name: views
-- Shards are summed here; a cell that fell back to zero is not there.
CREATE OR REPLACE VIEW live.heatmap_cells AS
SELECT workspace_id, campaign_id, weekday, hour, zone_source, what, sum(value)::bigint AS value
FROM heatmap_cells
GROUP BY workspace_id, campaign_id, weekday, hour, zone_source, what
HAVING sum(value) <> 0;
