-- The read API answers as of earlier moments from temporary tables of its own session. By default everybody may make
-- such tables; where that was taken away the reading role needs the right by name. Read models stay out of its reach.
DO $$
BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO drumbeat_read', current_database());
END
$$;
