-- The secret under which a workspace's references and addresses are hashed. It is made once and never changes:
-- with another key no suppressed address would be found again.
CREATE SCHEMA access;

CREATE TABLE access.workspace_keys (
    workspace_id text PRIMARY KEY,
    key bytea NOT NULL CHECK (octet_length(key) = 32),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A key is made and read where commands are carried out, and never changed or deleted.
GRANT USAGE ON SCHEMA access TO drumbeat_write;
GRANT SELECT, INSERT (workspace_id, key) ON access.workspace_keys TO drumbeat_write;

-- The key under which everything personal about a person is sealed, wrapped by a master key that no database holds.
-- Deleting the row erases the person: nothing that was sealed opens any more, wherever copies of it are.
CREATE TABLE access.person_keys (
    person_id uuid NOT NULL,
    -- Another one for every key, so that nothing is appended under an erased person's old key once there is a new one.
    key_no bigint GENERATED ALWAYS AS IDENTITY,
    workspace_id text NOT NULL,
    master text NOT NULL,
    wrapped bytea NOT NULL CHECK (octet_length(wrapped) = 60),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (person_id)
);

-- Where a person's contacts are to be looked for: written before an enrolment is appended, so that none is missing.
-- Some may never have been appended.
CREATE TABLE access.person_campaigns (
    person_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    PRIMARY KEY (person_id, campaign_id)
);

-- Hold keys until the transaction ends, against erasure and not against rewrapping; false when one is gone. In the
-- order of persons, so that two appends do not deadlock. Run before the append that it protects: no position is
-- assigned yet, so that no reader waits with it for an erasure. With the owner's rights: who may lock a row may change
-- it, and whoever appends may not.
CREATE FUNCTION access.hold_person_keys(_persons uuid[], _key_nos bigint[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held integer;
BEGIN
    PERFORM FROM access.person_keys AS keys
    JOIN unnest(_persons, _key_nos) AS wanted (person, no) ON keys.person_id = person AND keys.key_no = no
    ORDER BY keys.person_id
    FOR KEY SHARE OF keys;
    GET DIAGNOSTICS held = ROW_COUNT;
    RETURN held = cardinality(_persons);
END
$$;

REVOKE ALL ON FUNCTION access.hold_person_keys(uuid[], bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access.hold_person_keys(uuid[], bigint[]) TO drumbeat_write;

-- Keys are got or made where events are sealed, and read where they are opened. They are of use only with the master key.
GRANT SELECT, INSERT (person_id, workspace_id, master, wrapped) ON access.person_keys TO drumbeat_write;
GRANT SELECT, INSERT ON access.person_campaigns TO drumbeat_write;
GRANT USAGE ON SCHEMA access TO drumbeat_read;
GRANT SELECT ON access.person_keys TO drumbeat_read;
-- The workspaces there are. Their streams in the log are the truth; these rows are what lists show.
CREATE TABLE access.workspaces (
    workspace_id text PRIMARY KEY CHECK (workspace_id ~ '^[a-z][a-z0-9-]{0,39}$'),
    name         text NOT NULL,
    made_at      timestamptz NOT NULL,
    made_by      text NOT NULL
);

INSERT INTO access.workspaces (workspace_id, name, made_at, made_by)
VALUES ('default', 'default', clock_timestamp(), 'drumbeat');

-- The keys of the API. Of a secret only its SHA-256 is here: it has 256 random bits, so no salt and no slow hash is
-- needed. After a rotation the secret before works until `old_secret_until`.
CREATE TABLE access.api_keys (
    key_id           uuid PRIMARY KEY,
    workspace_id     text NOT NULL,
    name             text NOT NULL,
    scopes           text[] NOT NULL,       -- read | write | operate | impersonate
    secret_hash      bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    old_secret_hash  bytea CHECK (octet_length(old_secret_hash) = 32),
    old_secret_until timestamptz,
    expires_at       timestamptz,           -- null: never
    made_at          timestamptz NOT NULL,
    made_by          text NOT NULL,
    rotated_at       timestamptz,
    revoked_at       timestamptz,
    last_used_at     timestamptz,           -- at most a minute old, and written by whoever authenticates
    UNIQUE (workspace_id, name)
);

-- Whoever authenticates finds keys and notes their use, and may do nothing else.
GRANT USAGE ON SCHEMA access TO drumbeat_keys;
GRANT SELECT, UPDATE (last_used_at) ON access.api_keys TO drumbeat_keys;

-- Keys and workspaces are made where commands are carried out; none is ever deleted.
GRANT SELECT, INSERT ON access.workspaces TO drumbeat_write;
GRANT SELECT, INSERT, UPDATE (secret_hash, old_secret_hash, old_secret_until, rotated_at, revoked_at)
    ON access.api_keys TO drumbeat_write;

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
