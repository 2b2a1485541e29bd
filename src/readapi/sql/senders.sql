-- name: of_campaign
-- The numbers of a campaign with their calls: in all, and today, a calendar day in the campaign's zone.
SELECT n.*,
       coalesce(c.today, 0)::bigint AS calls_today,
       coalesce((SELECT d.value FROM live.dashboard_counters d
                 WHERE d.workspace_id = n.workspace_id AND d.campaign_id = n.campaign_id
                   AND d.metric = 'attempts_by_sender' AND d.key = n.sender_id::text), 0) AS calls_total
FROM live.campaign_senders n
LEFT JOIN LATERAL (
    SELECT sum(s.value) AS today
    FROM live.sender_calls s
    WHERE s.workspace_id = n.workspace_id AND s.campaign_id = n.campaign_id AND s.sender_id = n.sender_id
      AND s.quarter >= %(today)s AND s.quarter < %(tomorrow)s
) c ON true
WHERE n.workspace_id = %(workspace_id)s AND n.campaign_id = %(campaign_id)s
ORDER BY n.assigned_at, n.sender_id

-- name: names
-- What the numbers of a campaign are called.
SELECT n.sender_id, n.friendly_name
FROM live.campaign_senders n
WHERE n.workspace_id = %(workspace_id)s AND n.campaign_id = %(campaign_id)s
