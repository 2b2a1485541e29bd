-- name: take_turns
-- Whoever queues uploads of a workspace does so one after the other, so that their number is counted right.
SELECT pg_advisory_xact_lock(hashtextextended('drumbeat uploads of ' || %s, 0))

-- name: under_way
-- How many uploads of a workspace wait or run.
SELECT count(*) FROM intake.uploads WHERE workspace_id = %s AND state IN ('queued', 'running')

-- name: queue
-- Keep an upload.
INSERT INTO intake.uploads (workspace_id, import_id, campaign_id, principal, file, file_bytes, lines, queued_at)
VALUES (%(workspace_id)s, %(import_id)s, %(campaign_id)s, %(principal)s, %(file)s, %(file_bytes)s, %(lines)s, %(now)s)

-- name: find
-- How one upload is doing.
SELECT import_id, campaign_id, principal ->> 'actor', state, cancelling, file_bytes, lines, failure, queued_at,
       began_at, ended_at, lines_read, rows_read, accepted, already_enrolled, refused, position
FROM intake.uploads
WHERE workspace_id = %(workspace_id)s AND import_id = %(import_id)s

-- name: newest
-- The uploads of a workspace, the newest first, older than a given one.
SELECT import_id, campaign_id, principal ->> 'actor', state, cancelling, file_bytes, lines, failure, queued_at,
       began_at, ended_at, lines_read, rows_read, accepted, already_enrolled, refused, position
FROM intake.uploads
WHERE workspace_id = %(workspace_id)s
  AND (%(campaign_id)s::uuid IS NULL OR campaign_id = %(campaign_id)s::uuid)
  AND (%(before)s::uuid IS NULL
       OR (queued_at, import_id) < (SELECT b.queued_at, b.import_id FROM intake.uploads b
                                    WHERE b.workspace_id = %(workspace_id)s AND b.import_id = %(before)s::uuid))
ORDER BY queued_at DESC, import_id DESC
LIMIT %(limit)s

-- name: report
-- The refused rows of an upload, in the order of its file.
SELECT line, field, reason, allowed
FROM intake.refused_rows
WHERE workspace_id = %(workspace_id)s AND import_id = %(import_id)s
ORDER BY line

-- name: cancel
-- Ask for the end of an upload. One that nobody has begun ends here; else its worker, or the next one, ends it.
UPDATE intake.uploads
SET cancelling = true,
    state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
    file = CASE state WHEN 'queued' THEN NULL ELSE file END,
    ended_at = CASE state WHEN 'queued' THEN %(now)s ELSE ended_at END
WHERE workspace_id = %(workspace_id)s AND import_id = %(import_id)s AND state IN ('queued', 'running')

-- name: to_do
-- The uploads that somebody must work on, the oldest first.
SELECT number FROM intake.uploads WHERE state IN ('queued', 'running') ORDER BY queued_at, number LIMIT 100

-- name: lock
-- Take an upload for as long as this session lives or until `unlock`; false when another session has it.
SELECT pg_try_advisory_lock(1685218660, %s)

-- name: unlock
-- Let an upload go.
SELECT pg_advisory_unlock(1685218660, %s)

-- name: begin
-- Begin with an upload that is locked, or go on; nothing when it has ended meanwhile.
UPDATE intake.uploads
SET state = 'running', began_at = coalesce(began_at, %(now)s), begun = begun + 1
WHERE number = %(number)s AND state IN ('queued', 'running')
RETURNING workspace_id, import_id, campaign_id, principal, file, lines, begun, cancelling, lines_read, rows_read, accepted,
          already_enrolled, refused, position

-- name: advance
-- Note a step; whether somebody asked for the end.
UPDATE intake.uploads
SET lines_read = %(lines_read)s, rows_read = %(rows_read)s, accepted = %(accepted)s,
    already_enrolled = %(already_enrolled)s, refused = %(refused)s, position = %(position)s, begun = 0
WHERE number = %(number)s
RETURNING cancelling

-- name: refuse
-- Report a row.
INSERT INTO intake.refused_rows (workspace_id, import_id, line, field, reason, allowed)
VALUES (%s, %s, %s, %s, %s, %s)

-- name: end
-- Note the end, and delete the file.
UPDATE intake.uploads
SET state = CASE WHEN cancelling THEN 'cancelled' ELSE %(state)s END,
    failure = CASE WHEN cancelling THEN NULL ELSE %(failure)s END,
    file = NULL, ended_at = %(now)s
WHERE number = %(number)s AND state = 'running'
