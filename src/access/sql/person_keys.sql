-- name: keys_of
-- The keys of persons who have one. Of all others those offered are kept, and come without being repeated. In which
-- campaigns persons are from now on is noted too. Who is not in the answer got a key from another process at this very
-- moment, which this snapshot cannot see: ask again.
WITH offered AS (
    SELECT * FROM unnest(%(persons)b::uuid[], %(workspaces)b::text[], %(wrapped)b::bytea[]) AS o (person, workspace, wrapped)
), known AS (
    SELECT person_id, key_no, master, wrapped FROM access.person_keys WHERE person_id = ANY(%(persons)b::uuid[])
), made AS (
    INSERT INTO access.person_keys (person_id, workspace_id, master, wrapped)
    SELECT person, workspace, %(master)b, wrapped FROM offered
    WHERE person NOT IN (SELECT person_id FROM known) ORDER BY person
    ON CONFLICT (person_id) DO NOTHING
    RETURNING person_id, key_no
), noted AS (
    INSERT INTO access.person_campaigns (person_id, campaign_id)
    SELECT * FROM unnest(%(enrolled)b::uuid[], %(campaigns)b::uuid[]) AS e (person, campaign) ORDER BY person, campaign
    ON CONFLICT DO NOTHING
)
SELECT * FROM known UNION ALL SELECT person_id, key_no, NULL, NULL FROM made;

-- name: known_keys
-- The keys of persons who have one.
SELECT person_id::text, key_no, master, wrapped FROM access.person_keys WHERE person_id = ANY(%b::uuid[]);

-- name: count_wrapped_by_others
-- How many keys another master key than the given one wraps.
SELECT count(*) FROM access.person_keys WHERE master <> %s;

-- name: wrapped_by_others
-- Some keys that another master key than the given one wraps, in the order of persons.
SELECT person_id, key_no, master, wrapped FROM access.person_keys
WHERE person_id > %s AND master <> %s ORDER BY person_id LIMIT %s;

-- name: rewrap
-- Put the same keys there, wrapped anew; whose key was destroyed or made anew meanwhile is left alone. Changes no
-- column of the primary key, so that appends which hold a key are not waited for.
UPDATE access.person_keys AS keys SET master = new.master, wrapped = new.wrapped
FROM unnest(%(persons)s::uuid[], %(numbers)s::bigint[], %(masters)s::text[], %(wrapped)s::bytea[])
    AS new (person, number, master, wrapped)
WHERE keys.person_id = new.person AND keys.key_no = new.number;
