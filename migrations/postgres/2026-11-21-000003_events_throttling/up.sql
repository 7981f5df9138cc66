-- Bytes decide the order, as in SQLite: then the indexes of the unique columns also find what begins with some letters.
ALTER TABLE users ALTER COLUMN email TYPE TEXT COLLATE "C", ALTER COLUMN username TYPE TEXT COLLATE "C";

-- What happened, and to whom. No foreign keys: it outlives the people and sessions that it speaks of.
CREATE TABLE events (
    id         BIGSERIAL PRIMARY KEY,
    at         TIMESTAMP NOT NULL,
    type       TEXT      NOT NULL,
    user_id    TEXT,
    session_id TEXT,
    ip         TEXT,
    user_agent TEXT,
    -- JSON object.
    details    TEXT      NOT NULL DEFAULT '{}'
);

-- Each of them is read backwards, page by page.
CREATE INDEX events_by_time ON events (at, id);
CREATE INDEX events_by_user ON events (user_id, at, id);
CREATE INDEX events_by_session ON events (session_id, at, id);
CREATE INDEX events_by_type ON events (type, at, id);
CREATE INDEX events_by_ip ON events (ip, at, id);

-- Passwords that were wrong, or are being checked at this moment.
CREATE TABLE password_failures (
    -- Keyed hash of the name that was given, whether anybody has it or not.
    account  TEXT      NOT NULL,
    -- An address, a device, or '' for all of them together.
    place    TEXT      NOT NULL,
    failures INTEGER   NOT NULL,
    first_at TIMESTAMP NOT NULL,
    last_at  TIMESTAMP NOT NULL,
    PRIMARY KEY (account, place)
);

CREATE INDEX password_failures_by_time ON password_failures (last_at);

-- Where people have logged in from.
CREATE TABLE familiar_places (
    user_id       TEXT      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place         TEXT      NOT NULL,
    last_login_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, place)
);

CREATE INDEX familiar_places_by_login ON familiar_places (last_login_at);

-- Rows to be locked by whoever changes something that no single row can guard.
CREATE TABLE guards (
    name  TEXT   PRIMARY KEY,
    taken BIGINT NOT NULL DEFAULT 0
);

INSERT INTO guards (name) VALUES ('last_administrator');

-- The administrators among a million people; the expression is that of the query, word for word.
CREATE INDEX users_administrators ON users (id) WHERE roles LIKE '%"admin"%';
