-- The tables of read models belong to the role of the projectors from now on: those that there are, are made anew.
DO $$
DECLARE
    made text;
BEGIN
    FOR made IN SELECT DISTINCT generation FROM readmodel.projections LOOP
        EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', made);
    END LOOP;
END
$$;
DELETE FROM readmodel.projections;
DELETE FROM readmodel.checkpoints;
DELETE FROM readmodel.parked_events;

GRANT USAGE ON SCHEMA readmodel, live TO drumbeat_project, drumbeat_read, drumbeat_policies;

-- Projectors keep the books. The tables of a generation and the views on them are theirs
-- (projections/engine/walls.sql says who else sees them).
GRANT CREATE ON SCHEMA live TO drumbeat_project;
GRANT SELECT, INSERT, UPDATE, DELETE ON readmodel.checkpoints, readmodel.projections, readmodel.parked_events
    TO drumbeat_project;

-- How far the read models are, in every answer and before a policy acts. Positions only: nothing of a workspace.
GRANT SELECT ON readmodel.checkpoints TO drumbeat_read, drumbeat_policies;
