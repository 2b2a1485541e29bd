-- name: tables_of
-- Every table of a generation with its columns in their order, and what the planner believes of its size.
SELECT relname, CASE WHEN pg_relation_size(pg_class.oid) = 0 THEN 0 ELSE reltuples::bigint END,
       array_agg(attname::text ORDER BY attnum), array_agg(format_type(atttypid, NULL) ORDER BY attnum)
FROM pg_class
JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
WHERE relnamespace = to_regnamespace(quote_ident(%s)) AND relkind = 'r'
GROUP BY pg_class.oid;
