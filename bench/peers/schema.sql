-- The tables of one app, in a schema of its own. run.sh passes the name of the schema.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS :"schema" CASCADE;
CREATE SCHEMA :"schema";
SET search_path TO :"schema";

CREATE TABLE users (
    id            UUID   PRIMARY KEY DEFAULT gen_random_uuid(),
    email         TEXT   NOT NULL UNIQUE,
    password_hash TEXT   NOT NULL,
    name          TEXT   NOT NULL DEFAULT 'there',
    roles         TEXT[] NOT NULL DEFAULT '{}',
    version       BIGINT NOT NULL DEFAULT 1
);

CREATE TABLE sessions (
    id          UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id     UUID        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The `jti` of the current refresh token. A token with another one has been rotated.
    refresh_jti UUID        NOT NULL,
    rotated_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    auth_time   TIMESTAMPTZ NOT NULL DEFAULT now()
)
-- As in Latchkey: a refresh changes no indexed column, and free space on the page allows a heap-only update.
WITH (fillfactor = 80);

CREATE INDEX sessions_by_user ON sessions (user_id);
