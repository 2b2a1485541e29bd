-- name: rebuilds
-- Rebuilds with how they are, the newest first: those that were asked for, and those that are known by their building.
SELECT coalesce(r.generation, b.generation), r.rebuild_id, r.projections, r.workers, r.lag_limit_events, r.go_live,
    r.asked_by, r.asked_at, coalesce(r.began_at, b.started_at), r.ended_at, r.outcome, r.problem, r.differences,
    coalesce(r.cancelling, false) OR b.cancelled_at IS NOT NULL,
    b.stage, extract(epoch FROM clock_timestamp() - b.started_at)::double precision, coalesce(b.events, 0), s.done, s.slices, s.events,
    coalesce((
        SELECT jsonb_object_agg(p.projection, p.state) FROM readmodel.projections AS p
        WHERE p.generation = coalesce(r.generation, b.generation)
    ), '{}')
FROM readmodel.rebuilds AS r FULL JOIN readmodel.builds AS b ON b.generation = r.generation
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE done_at IS NOT NULL), count(*), coalesce(sum(events), 0)::bigint
    FROM readmodel.slices AS s WHERE s.generation = b.generation
) AS s (done, slices, events)
WHERE %(generation)s::text IS NULL OR coalesce(r.generation, b.generation) = %(generation)s
ORDER BY coalesce(r.asked_at, b.started_at) DESC, 1 DESC
LIMIT %(limit)s;

-- name: generation_of
-- The generation that was given to a rebuild before.
SELECT generation FROM readmodel.rebuilds WHERE rebuild_id = %(rebuild_id)s;

-- name: under_way
-- A generation in which some of these projections are being made, or will be.
SELECT generation FROM readmodel.projections WHERE state = 'building' AND projection = ANY (%(projections)s)
UNION ALL
SELECT generation FROM readmodel.rebuilds WHERE ended_at IS NULL AND projections && %(projections)s::text[]
LIMIT 1;

-- name: ask
-- Write a rebuild down.
INSERT INTO readmodel.rebuilds (rebuild_id, generation, projections, workers, lag_limit_events, go_live, asked_by, asked_at)
VALUES (
    %(rebuild_id)s, %(generation)s, %(projections)s, %(workers)s, %(lag_limit_events)s, %(go_live)s, %(asked_by)s,
    %(now)s
);

-- name: cancel
-- Ask for the end of a rebuild. One that nobody has taken up ends here; else whoever is at it, or comes next, ends it.
UPDATE readmodel.rebuilds
SET cancelling = true,
    outcome = CASE WHEN began_at IS NULL THEN 'cancelled' END,
    ended_at = CASE WHEN began_at IS NULL THEN %(now)s::timestamptz END
WHERE generation = %(generation)s AND ended_at IS NULL;

-- name: cancel_build
-- The same of what is being built, whoever asked for it.
UPDATE readmodel.builds AS b SET cancelled_at = coalesce(cancelled_at, now())
WHERE generation = %(generation)s
    AND EXISTS (SELECT FROM readmodel.projections AS p WHERE p.generation = b.generation AND p.state = 'building');

-- name: hold
-- One process of all carries rebuilds out; false when another one does. Held until the session ends. Generations have
-- their number above 3000 for their own lock, and none has the number 0.
SELECT pg_try_advisory_lock(1685218661, 3000);

-- name: take_up
-- The oldest rebuild that has not ended. Who died over it is counted, unless slices were done since.
UPDATE readmodel.rebuilds AS r
SET began_at = coalesce(began_at, now()), held = true, slices_seen = s.done,
    tries = CASE WHEN NOT held THEN tries WHEN s.done > slices_seen THEN 1 ELSE tries + 1 END
FROM (
    SELECT o.rebuild_id, (SELECT count(*) FROM readmodel.slices WHERE generation = o.generation AND done_at IS NOT NULL)
    FROM readmodel.rebuilds AS o WHERE o.ended_at IS NULL ORDER BY o.asked_at, o.generation LIMIT 1
) AS s (rebuild_id, done)
WHERE r.rebuild_id = s.rebuild_id AND r.ended_at IS NULL
RETURNING r.rebuild_id, r.generation, r.projections, r.workers, r.lag_limit_events, r.go_live, r.tries;

-- name: let_go
-- Nobody is at it for a while, for no fault of its own.
UPDATE readmodel.rebuilds SET held = false, problem = %(problem)s WHERE rebuild_id = %(rebuild_id)s;

-- name: is_cancelled
-- Whether somebody wants its end.
SELECT cancelling FROM readmodel.rebuilds WHERE rebuild_id = %(rebuild_id)s;

-- name: note_differences
-- What differs from the rows that are read.
UPDATE readmodel.rebuilds SET differences = %(differences)s WHERE rebuild_id = %(rebuild_id)s;

-- name: end
-- What came of it.
UPDATE readmodel.rebuilds SET held = false, ended_at = now(), outcome = %(outcome)s, problem = %(problem)s
WHERE rebuild_id = %(rebuild_id)s AND ended_at IS NULL;

-- name: cancelled_builds
-- What somebody wants the end of and is still there.
SELECT DISTINCT generation FROM readmodel.builds JOIN readmodel.projections USING (generation)
WHERE cancelled_at IS NOT NULL AND state = 'building';

-- name: ask_switch
-- Write a switch down; what was asked before is left as it is.
INSERT INTO readmodel.switches (switch_id, generation, projections, asked_by, asked_at)
VALUES (%(switch_id)s, %(generation)s, %(projections)s, %(asked_by)s, %(now)s) ON CONFLICT DO NOTHING;

-- name: switch
-- How a switch is doing.
SELECT switch_id, generation, projections, asked_by, asked_at, ended_at, locked_milliseconds, problem
FROM readmodel.switches WHERE switch_id = %(switch_id)s;

-- name: take_switch
-- The oldest switch that is to be done and that nobody is at; until the transaction ends.
SELECT switch_id, generation, projections FROM readmodel.switches WHERE ended_at IS NULL
ORDER BY asked_at, switch_id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: end_switch
-- What came of it.
UPDATE readmodel.switches SET ended_at = now(), locked_milliseconds = %(locked_milliseconds)s, problem = %(problem)s
WHERE switch_id = %(switch_id)s;
