-- The auth servers that run on this database. Each updates its row every ten seconds, and deletes it when it stops.
CREATE TABLE servers (
    id         TEXT      PRIMARY KEY,
    host       TEXT      NOT NULL,
    version    TEXT      NOT NULL,
    -- JSON object, without secrets.
    settings   TEXT      NOT NULL,
    started_at TIMESTAMP NOT NULL,
    -- The last heartbeat, by the clock of the database.
    seen_at    TIMESTAMP NOT NULL,
    -- The same moment by the server's clock. NULL in SQLite, which has no clock of its own.
    own_time   TIMESTAMP,
    can_sign   BOOLEAN   NOT NULL,
    -- NULL while mail is off.
    mail       TEXT
);
