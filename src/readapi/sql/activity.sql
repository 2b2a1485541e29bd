-- name: matching
-- The actions that the filters let through; a filter that is not given is null.
FROM live.activity a
WHERE a.workspace_id = %(workspace_id)s
  AND a.campaign_id = %(campaign_id)s
  AND (%(contact)s::uuid IS NULL OR a.contact_id = %(contact)s::uuid)
  AND (%(action)s::text[] IS NULL OR a.action = ANY (%(action)s::text[]))
  AND (%(actor)s::text[] IS NULL OR a.actor = ANY (%(actor)s::text[]))
  AND (%(from)s::timestamptz IS NULL OR a.time >= %(from)s::timestamptz)
  AND (%(to)s::timestamptz IS NULL OR a.time < %(to)s::timestamptz)
  AND (%(above)s::bigint IS NULL OR a.position > %(above)s::bigint)
  AND (%(up_to)s::bigint IS NULL OR a.position <= %(up_to)s::bigint)

-- name: page
-- One page of them, with whom they are about; people are looked up for the rows of the page alone.
SELECT p.*, c.name AS contact_name, c.reference AS contact_reference
FROM (
    SELECT a.*, {key} AS sort_key
    {matching}
      AND (%(after_id)s::bigint IS NULL OR {key} {beyond} %(after_id)s::bigint)
    ORDER BY {key} {order}
    LIMIT %(limit)s
) p
LEFT JOIN live.contacts c USING (workspace_id, campaign_id, contact_id)
ORDER BY p.sort_key {order}

-- name: count
-- How many there are.
SELECT count(*) AS count {matching}

-- name: by_position
-- The order in which the log has them.
a.position
