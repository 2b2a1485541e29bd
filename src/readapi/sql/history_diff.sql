-- name: touched
-- Contacts of a campaign whose rows have changed since a position, in the order of their ids. Whose rows have not are
-- the same then, later and now.
SELECT c.contact_id, c.reference, c.name
FROM live.contacts c
WHERE c.workspace_id = %(workspace_id)s
  AND c.campaign_id = %(campaign_id)s
  AND c.position > %(since)s
  AND (%(after_id)s::uuid IS NULL OR c.contact_id > %(after_id)s::uuid)
ORDER BY c.contact_id
LIMIT %(limit)s

-- name: how_many
-- How many they are.
SELECT count(*) AS count
FROM live.contacts c
WHERE c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s AND c.position > %(since)s

-- name: counters
-- Every counter of a campaign that is not zero.
SELECT d.metric, d.key, d.value
FROM live.dashboard_counters d
WHERE d.workspace_id = %(workspace_id)s AND d.campaign_id = %(campaign_id)s
