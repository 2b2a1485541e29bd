-- name: tables
-- A projection that uses every shape of the engine, small enough to be checked by eye.
CREATE TABLE tallies (
    workspace_id text NOT NULL,
    campaign_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    events integer NOT NULL,
    note text NOT NULL,
    marks integer NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, contact_id)
);
CREATE TABLE marks (
    workspace_id text NOT NULL,
    contact_id uuid NOT NULL,
    number integer NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, number)
);
CREATE TABLE toy_counters (
    workspace_id text NOT NULL,
    campaign_id uuid NOT NULL,
    what text NOT NULL,
    shard smallint NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, what, shard)
);

-- name: views
-- Nobody reads them through `live`.
CREATE OR REPLACE VIEW live.tallies AS SELECT workspace_id, campaign_id, contact_id, events, note FROM tallies;
