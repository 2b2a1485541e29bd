-- Destroy a person's key, in the transaction that appends what tells of it: whether there was one, and where the
-- person's contacts are. Waits for appends that hold the key; they have said where they enrol, and the second statement
-- sees it. Appends that come meanwhile wait for the end of the transaction, and then find no key.
CREATE FUNCTION access.destroy_person_key(_person uuid, OUT had_key boolean, OUT campaigns uuid[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM access.person_keys WHERE person_id = _person;
    had_key := FOUND;
    WITH gone AS (DELETE FROM access.person_campaigns WHERE person_id = _person RETURNING campaign_id)
    SELECT coalesce(array_agg(campaign_id ORDER BY campaign_id), '{}') INTO campaigns FROM gone;
END
$$;

REVOKE ALL ON FUNCTION access.destroy_person_key(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access.destroy_person_key(uuid) TO drumbeat_write;
