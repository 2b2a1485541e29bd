-- name: matching
-- The contacts that the filters let through; a filter that is not given is null. Removed ones only when asked for.
FROM live.contacts c
WHERE c.workspace_id = %(workspace_id)s
  AND c.campaign_id = %(campaign_id)s
  AND c.removed = %(removed)s
  AND (%(search)s::text IS NULL
       OR strpos(lower(concat_ws(' ', c.name, c.phone, c.email, c.reference)), lower(%(search)s::text)) > 0)
  AND (%(status)s::text[] IS NULL OR c.status = ANY (%(status)s::text[]))
  AND (%(substatus)s::text[] IS NULL OR c.substatus = ANY (%(substatus)s::text[]))
  AND (%(status_label)s::text[] IS NULL OR c.label = ANY (%(status_label)s::text[]))
  AND (%(paused)s::boolean IS NULL OR c.paused_by_hand = %(paused)s::boolean)
  AND (%(tag)s::text[] IS NULL OR c.tags && %(tag)s::text[])
  AND (%(priority)s::text[] IS NULL OR c.priority = ANY (%(priority)s::text[]))
  AND (%(result)s::text[] IS NULL
       OR coalesce(c.goal_results ->> %(goal)s::text, 'not_evaluated') = ANY (%(result)s::text[]))

-- name: page
-- One page of them. Keys alone are sorted; whole rows and their scores are looked up for the page.
WITH page AS (
    SELECT c.contact_id, {key} AS sort_key
    {matching}
      AND (%(after_id)s::uuid IS NULL OR ({key}, c.contact_id) {beyond} (%(after_key)s, %(after_id)s::uuid))
    ORDER BY {key} {order}, c.contact_id {order}
    LIMIT %(limit)s
)
SELECT c.*, {score} AS goal_score, page.sort_key
FROM page
JOIN live.contacts c
  ON c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s AND c.contact_id = page.contact_id
ORDER BY page.sort_key {order}, c.contact_id {order}

-- name: count
-- How many there are.
SELECT count(*) AS count {matching}

-- name: chosen
-- Those of them, or of the named ones among them, that are to be copied; keys alone. Of the erased nothing is known
-- that could be copied.
SELECT c.contact_id {matching}
  AND NOT c.erased
  AND (%(contact_ids)s::uuid[] IS NULL OR c.contact_id = ANY (%(contact_ids)s::uuid[]))
ORDER BY c.contact_id
LIMIT %(limit)s

-- name: everyone
-- A page of a campaign's contacts in the order of their ids, removed and erased ones too; keys alone.
SELECT c.contact_id FROM live.contacts c
WHERE c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s
  AND (%(after)s::uuid IS NULL OR c.contact_id > %(after)s::uuid)
ORDER BY c.contact_id
LIMIT %(limit)s

-- name: one_too_many
-- A contact of a campaign beyond the first so many, in the order of their ids.
SELECT c.contact_id FROM live.contacts c
WHERE c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s
ORDER BY c.contact_id
OFFSET %(most)s LIMIT 1

-- name: persons
-- What is known of some persons.
SELECT c.contact_id, c.reference, c.name, c.phone, c.email, c.profile, c.zone, c.priority, c.tags
FROM live.contacts c
WHERE c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s
  AND c.contact_id = ANY (%(contact_ids)s::uuid[]) AND NOT c.erased
ORDER BY c.contact_id

-- name: card
-- One contact, removed or not.
SELECT c.*, {score} AS goal_score
FROM live.contacts c
WHERE c.workspace_id = %(workspace_id)s AND c.campaign_id = %(campaign_id)s AND c.contact_id = %(contact_id)s

-- name: answers
-- What analyses found in the conversations of one contact.
SELECT a.conversation_id, a.analysis_id, a.value, a.answered_at
FROM live.answers a
WHERE a.workspace_id = %(workspace_id)s AND a.campaign_id = %(campaign_id)s AND a.contact_id = %(contact_id)s
ORDER BY a.answered_at, a.conversation_id, a.analysis_id

-- name: by_id
-- No meaning, but a stable order, and the cheapest: that of the primary key.
c.contact_id

-- name: by_name
-- Ignoring case, in the order of code points; who has no name comes first.
lower(coalesce(c.name, '')) COLLATE "C"

-- name: by_status
-- The label, as shown.
c.label COLLATE "C"

-- name: by_priority
-- High, normal, low.
CASE c.priority WHEN 'high' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END

-- name: by_enrolled
-- When the contact was enrolled.
c.enrolled_at

-- name: by_attempts
-- Calls placed.
c.attempts

-- name: by_conversations
-- Conversations, placed and received.
c.conversations

-- name: by_talk_time
-- Seconds in conversations.
c.talk_time_seconds

-- name: by_last_called
-- In microseconds; who was never called, or at an unknown instant, is least.
coalesce((extract(epoch FROM c.last_called_at) * 1000000)::bigint, -1)

-- name: by_goal_score
-- Who has no score is least.
coalesce({score}, -1)

-- name: score
-- The mean over the active goals whose score is known (contacts_goals.py); null when none is.
(SELECT avg(CASE r.value WHEN 'achieved' THEN 100 WHEN 'partially_achieved' THEN 50 WHEN 'not_achieved' THEN 0 END)
        ::float8
 FROM jsonb_each_text(c.goal_results) r
 WHERE r.key = ANY (%(active_goals)s::text[]))
