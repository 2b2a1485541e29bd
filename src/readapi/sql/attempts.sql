-- name: matching
-- The calls that the filters let through; a filter that is not given is null. `unknown` stands for null.
FROM live.attempts a
WHERE a.workspace_id = %(workspace_id)s
  AND a.campaign_id = %(campaign_id)s
  AND (%(contact)s::uuid IS NULL OR a.contact_id = %(contact)s::uuid)
  AND (%(sender)s::uuid IS NULL OR a.sender_id = %(sender)s::uuid)
  AND (%(direction)s::text[] IS NULL OR a.direction = ANY (%(direction)s::text[]))
  AND (%(state)s::text[] IS NULL
       OR CASE WHEN a.direction = 'received' THEN 'received'
               WHEN a.outcome IS NULL THEN 'in_flight'
               WHEN a.outcome = 'not_recorded' THEN 'not_recorded'
               ELSE 'recorded' END = ANY (%(state)s::text[]))
  AND (%(outcome)s::text[] IS NULL OR a.outcome = ANY (%(outcome)s::text[]))
  AND (%(answer_status)s::text[] IS NULL OR a.answer_status = ANY (%(answer_status)s::text[]))
  AND (%(conversation)s::boolean IS NULL OR a.conversation = %(conversation)s::boolean)
  AND (%(timed)s::boolean IS NULL
       OR (a.direction = 'received' OR coalesce(a.outcome = ANY (%(timed_outcomes)s::text[]), false))
          = %(timed)s::boolean)
  AND (%(weekday)s::text[] IS NULL OR coalesce(a.weekday::text, 'unknown') = ANY (%(weekday)s::text[]))
  AND (%(hour)s::text[] IS NULL
       OR CASE WHEN a.weekday IS NULL THEN 'unknown' ELSE coalesce(a.hour::text, 'unknown') END
          = ANY (%(hour)s::text[]))
  AND (%(zone_source)s::text[] IS NULL OR coalesce(a.zone_source, 'unknown') = ANY (%(zone_source)s::text[]))
  AND (%(from)s::timestamptz IS NULL OR a.placed_at >= %(from)s::timestamptz)
  AND (%(to)s::timestamptz IS NULL OR a.placed_at < %(to)s::timestamptz)

-- name: page
-- One page of them, with who was called and what analyses found; both are looked up for the page's rows alone.
SELECT p.*, c.name AS contact_name, c.reference AS contact_reference,
       coalesce((SELECT jsonb_agg(jsonb_build_object('conversation_id', n.conversation_id, 'analysis_id', n.analysis_id,
                                                     'value', n.value, 'answered_at', n.answered_at)
                                  ORDER BY n.answered_at, n.analysis_id)
                 FROM live.answers n
                 WHERE n.workspace_id = p.workspace_id AND n.campaign_id = p.campaign_id
                   AND n.contact_id = p.contact_id AND n.conversation_id = p.conversation_id), '[]') AS answers
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

-- name: by_placed
-- The order in which the calls were recorded as placed or received.
a.placed_position
