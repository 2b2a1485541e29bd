-- Files of contacts that are enrolled in the background. Written by the API (queued, cancelling) and by the one
-- worker that holds the advisory lock of an upload's number (everything else).
CREATE SCHEMA intake;

CREATE TABLE intake.uploads (
    workspace_id     text NOT NULL,
    import_id        uuid NOT NULL,
    number           integer GENERATED ALWAYS AS IDENTITY UNIQUE, -- what its worker locks
    campaign_id      uuid NOT NULL,
    principal        jsonb NOT NULL,              -- on whose behalf contacts are enrolled
    state            text NOT NULL DEFAULT 'queued'
                     CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    cancelling       boolean NOT NULL DEFAULT false,
    file             bytea,                       -- personal: gone as soon as the upload is over
    file_bytes       integer NOT NULL,
    lines            integer NOT NULL,
    lines_read       integer NOT NULL DEFAULT 0,
    rows_read        integer NOT NULL DEFAULT 0,
    accepted         integer NOT NULL DEFAULT 0,
    already_enrolled integer NOT NULL DEFAULT 0,
    refused          integer NOT NULL DEFAULT 0,
    position         bigint,                      -- of the last contact enrolled
    begun            integer NOT NULL DEFAULT 0,  -- times since the last step forward
    failure          text,
    queued_at        timestamptz NOT NULL,
    began_at         timestamptz,
    ended_at         timestamptz,
    PRIMARY KEY (workspace_id, import_id),
    CHECK ((file IS NULL) = (state IN ('done', 'failed', 'cancelled')))
);

CREATE INDEX uploads_by_age ON intake.uploads (workspace_id, queued_at, import_id);

-- Few at any time, and looked for several times a second.
CREATE INDEX uploads_to_do ON intake.uploads (queued_at, number) WHERE state IN ('queued', 'running');

-- Nothing of what stood in the file is in its report.
CREATE TABLE intake.refused_rows (
    workspace_id text NOT NULL,
    import_id    uuid NOT NULL,
    line         integer NOT NULL,
    field        text NOT NULL,
    reason       text NOT NULL,
    allowed      text NOT NULL,
    PRIMARY KEY (workspace_id, import_id, line),
    FOREIGN KEY (workspace_id, import_id) REFERENCES intake.uploads
);

-- Files come in where commands do, and are worked on by what gives commands.
GRANT USAGE ON SCHEMA intake TO drumbeat_write;
GRANT SELECT, INSERT, UPDATE ON intake.uploads TO drumbeat_write;
GRANT SELECT, INSERT ON intake.refused_rows TO drumbeat_write;
