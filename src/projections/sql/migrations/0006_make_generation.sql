-- Projectors make generations, and may make no other schema: whoever keeps read models up to date makes them anew too.
CREATE FUNCTION readmodel.make_generation(generation text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF generation !~ '^gen_[1-9][0-9]{0,8}$' THEN
        RAISE EXCEPTION '% is no name of a generation', generation USING ERRCODE = 'invalid_name';
    END IF;
    EXECUTE format('CREATE SCHEMA %I AUTHORIZATION drumbeat_project', generation);
END
$$;

REVOKE ALL ON FUNCTION readmodel.make_generation(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION readmodel.make_generation(text) TO drumbeat_project;
