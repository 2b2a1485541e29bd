-- name: card
-- One campaign with what belongs to it, deleted or not.
SELECT c.*, s.name AS schedule_name, s.zone AS schedule_zone, s.weekly_hours, s.holidays,
       coalesce((SELECT d.value FROM live.dashboard_counters d
                 WHERE d.workspace_id = c.workspace_id AND d.campaign_id = c.campaign_id
                   AND d.metric = 'contacts' AND d.key = ''), 0) AS contacts,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('sender_id', n.sender_id, 'friendly_name', n.friendly_name,
                                                     'address', n.address, 'standing', n.standing)
                                  ORDER BY n.assigned_at, n.sender_id), '[]')
        FROM live.campaign_senders n
        WHERE n.workspace_id = c.workspace_id AND n.campaign_id = c.campaign_id) AS senders
FROM live.campaigns c
LEFT JOIN live.schedules s ON s.workspace_id = c.workspace_id AND s.schedule_id = c.schedule_id
WHERE c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s

-- name: known
-- Whether there is such a campaign, and what its numbers and lists need to know of it.
SELECT c.campaign_id, c.status, c.vocabulary, c.zone, c.goals, c.analyses, c.deleted
FROM live.campaigns c
WHERE c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s

-- name: matching
-- The campaigns that the filters let through; a filter that is not given is null.
FROM live.campaigns c
WHERE c.workspace_id = %(workspace_id)s
  AND NOT c.deleted
  AND (%(search)s::text IS NULL OR strpos(c.name_key, %(search)s::text) > 0)
  AND (%(status)s::text[] IS NULL OR c.status = ANY (%(status)s::text[]))
  AND (%(status_label)s::text[] IS NULL OR c.status_label = ANY (%(status_label)s::text[]))
  AND (%(kind)s::text[] IS NULL OR c.kind = ANY (%(kind)s::text[]))

-- name: page
-- One page of them. Numbers and contacts are looked up for the rows of the page alone.
WITH page AS (
    SELECT c.*, {key} AS sort_key
    {matching}
      AND (%(after_id)s::uuid IS NULL OR ({key}, c.campaign_id) {beyond} (%(after_key)s, %(after_id)s::uuid))
    ORDER BY {key} {order}, c.campaign_id {order}
    LIMIT %(limit)s
)
SELECT c.*, s.name AS schedule_name, s.zone AS schedule_zone, s.weekly_hours, s.holidays,
       coalesce((SELECT d.value FROM live.dashboard_counters d
                 WHERE d.workspace_id = c.workspace_id AND d.campaign_id = c.campaign_id
                   AND d.metric = 'contacts' AND d.key = ''), 0) AS contacts,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('sender_id', n.sender_id, 'friendly_name', n.friendly_name,
                                                     'address', n.address, 'standing', n.standing)
                                  ORDER BY n.assigned_at, n.sender_id), '[]')
        FROM live.campaign_senders n
        WHERE n.workspace_id = c.workspace_id AND n.campaign_id = c.campaign_id) AS senders
FROM page c
LEFT JOIN live.schedules s ON s.workspace_id = c.workspace_id AND s.schedule_id = c.schedule_id
ORDER BY c.sort_key {order}, c.campaign_id {order}

-- name: count
-- How many there are.
SELECT count(*) AS count {matching}

-- name: by_name
-- The order of code points, ignoring case.
c.name_key

-- name: by_status
-- The canonical status.
c.status

-- name: by_date
-- When the campaign was made.
c.created_at
