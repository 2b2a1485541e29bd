-- name: tables
-- A contact is two rows of one key: what is known of the person (contact_cards, changes seldom, holds everything
-- personal) and how far the campaign is with them (contacts, changes with every call and is therefore narrow).
-- Written by the projector alone.
CREATE TABLE contact_cards (
    workspace_id text NOT NULL,
    campaign_id  uuid NOT NULL,
    contact_id   uuid NOT NULL,
    reference    text NOT NULL,
    enrolled_at  timestamptz NOT NULL,
    priority     text NOT NULL,
    zone         text,
    tags         text[] NOT NULL,
    address_keys uuid[] NOT NULL,          -- the suppression streams of the contact's addresses
    name         text,
    phone        text,
    email        text,
    profile      jsonb,
    erased       boolean NOT NULL,         -- the person was erased: nothing personal is known any more
    position     bigint NOT NULL,          -- of the last event that changed this row
    PRIMARY KEY (workspace_id, campaign_id, contact_id)
);

-- Few, and looked for before every answer as of an earlier moment.
CREATE INDEX contact_cards_erased ON contact_cards (workspace_id, campaign_id) WHERE erased;

CREATE TABLE contacts (
    workspace_id       text NOT NULL,
    campaign_id        uuid NOT NULL,
    contact_id         uuid NOT NULL,
    status             text NOT NULL,      -- canonical; a campaign's own pause is not written here
    substatus          text NOT NULL,      -- while paused by hand: the substatus that comes back
    label              text NOT NULL,      -- voice_agent's words; a pause by hand is an overlay of it
    paused_by_hand     boolean NOT NULL,
    open               boolean NOT NULL,   -- not processed (neither finished nor replied) and not removed
    removed            boolean NOT NULL,
    removed_reason     text,
    attempts           integer NOT NULL,   -- calls placed
    attempts_left      integer,            -- as last said by a scheduled retry
    in_flight          integer,            -- the attempt that is in flight
    lost_at            timestamptz,        -- when the attempt in flight counts as lost
    retry_at           timestamptz,
    completion_due_at  timestamptz,        -- end of the completion timeout that runs
    conversations      integer NOT NULL,   -- placed and received
    talk_time_seconds  integer NOT NULL,
    total_time_seconds integer NOT NULL,
    last_called_at     timestamptz,        -- a call placed; null when its instant is not known
    last_outcome       text,               -- of the last attempt; null while it is in flight
    durations          integer[] NOT NULL, -- seconds by attempt, so that a correction can take the old one away
    evaluations        jsonb,              -- goal id -> conversation id, or '' for all of them -> result
    goal_results       jsonb,              -- goal id -> the contact's result (contacts_goals.py)
    position           bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, contact_id)
) WITH (fillfactor = 85);                  -- room for updates in place: no changing column is indexed

-- name: erase
-- Of these contacts nothing personal stays. Where and when they were called does, and the position of each row.
UPDATE contact_cards AS k
SET name = NULL, phone = NULL, email = NULL, profile = NULL, address_keys = '{}', erased = true
FROM unnest(%s::text[], %s::uuid[], %s::uuid[]) AS e (workspace_id, campaign_id, contact_id)
WHERE k.workspace_id = e.workspace_id AND k.campaign_id = e.campaign_id AND k.contact_id = e.contact_id;

-- name: views
-- One contact, one row, as readers see it.
CREATE OR REPLACE VIEW live.contacts AS
SELECT c.workspace_id, c.campaign_id, c.contact_id, k.reference, k.enrolled_at, k.priority, k.zone, k.tags,
       k.address_keys, k.name, k.phone, k.email, k.profile, k.erased,
       c.status, c.substatus, c.label, c.paused_by_hand, c.open, c.removed, c.removed_reason,
       c.attempts, c.attempts_left, c.in_flight, c.lost_at, c.retry_at, c.completion_due_at,
       c.conversations, c.talk_time_seconds, c.total_time_seconds, c.last_called_at, c.last_outcome,
       c.evaluations, c.goal_results, greatest(c.position, k.position) AS position
FROM contacts c
JOIN contact_cards k USING (workspace_id, campaign_id, contact_id);
