-- name: tables
-- Another projection beside it, log-shaped.
CREATE TABLE seen (position bigint PRIMARY KEY, contact_id uuid NOT NULL, note text NOT NULL);
