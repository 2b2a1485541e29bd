-- name: matching
-- The changes of one campaign; a filter that is not given is null.
FROM live.history h
WHERE h.workspace_id = %(workspace_id)s
  AND h.campaign_id = %(campaign_id)s
  AND (%(stream)s::text[] IS NULL OR h.stream = ANY (%(stream)s::text[]))
  AND (%(type)s::text[] IS NULL OR h.type = ANY (%(type)s::text[]))
  AND (%(actor)s::text[] IS NULL OR h.actor = ANY (%(actor)s::text[]))
  AND (%(from)s::timestamptz IS NULL OR h.time >= %(from)s::timestamptz)
  AND (%(to)s::timestamptz IS NULL OR h.time < %(to)s::timestamptz)
  AND (%(above)s::bigint IS NULL OR h.position > %(above)s::bigint)
  AND (%(up_to)s::bigint IS NULL OR h.position <= %(up_to)s::bigint)

-- name: page
-- One page of them.
SELECT h.*, {key} AS sort_key
{matching}
  AND (%(after_id)s::bigint IS NULL OR {key} {beyond} %(after_id)s::bigint)
ORDER BY {key} {order}
LIMIT %(limit)s

-- name: count
-- How many there are.
SELECT count(*) AS count {matching}

-- name: by_position
-- The order in which the log has them.
h.position
