-- Compare bytes, as SQLite does. The indexes of the unique columns then also support prefix searches.
ALTER TABLE users ALTER COLUMN email TYPE TEXT COLLATE "C", ALTER COLUMN username TYPE TEXT COLLATE "C";

-- The audit log. No foreign keys: events remain when the user or session is deleted.
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

-- Each index supports pages in descending order.
CREATE INDEX events_by_time ON events (at, id);
CREATE INDEX events_by_user ON events (user_id, at, id);
CREATE INDEX events_by_session ON events (session_id, at, id);
CREATE INDEX events_by_type ON events (type, at, id);
CREATE INDEX events_by_ip ON events (ip, at, id);

-- Wrong passwords, and passwords that are being checked.
CREATE TABLE password_failures (
    -- Keyed hash of the e-mail address or username given, whether or not such a user exists.
    account  TEXT      NOT NULL,
    -- An IP address, a device, or '' for all origins together.
    place    TEXT      NOT NULL,
    failures INTEGER   NOT NULL,
    first_at TIMESTAMP NOT NULL,
    last_at  TIMESTAMP NOT NULL,
    PRIMARY KEY (account, place)
);

CREATE INDEX password_failures_by_time ON password_failures (last_at);

-- Known origins: devices and networks from which a user has logged in.
CREATE TABLE familiar_places (
    user_id       TEXT      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place         TEXT      NOT NULL,
    last_login_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, place)
);

CREATE INDEX familiar_places_by_login ON familiar_places (last_login_at);

-- Rows to lock before a change that must keep an invariant across several rows.
CREATE TABLE guards (
    name  TEXT   PRIMARY KEY,
    taken BIGINT NOT NULL DEFAULT 0
);

INSERT INTO guards (name) VALUES ('last_administrator');

-- Finds the administrators among many users. The expression must match the query exactly.
CREATE INDEX users_administrators ON users (id) WHERE roles LIKE '%"admin"%';
