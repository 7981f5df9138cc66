-- Times are UTC. Ids are UUIDs in text, so that both databases hold, sort and print them alike.

CREATE TABLE users (
    id            TEXT      PRIMARY KEY,
    email         TEXT      NOT NULL UNIQUE,
    username      TEXT      UNIQUE,
    name          TEXT,
    password_hash TEXT      NOT NULL,
    -- JSON array of strings.
    roles         TEXT      NOT NULL DEFAULT '[]',
    -- JSON object that goes into the person's access tokens.
    claims        TEXT      NOT NULL DEFAULT '{}',
    -- Grows whenever password, roles or status change, or all sessions are ended.
    version       BIGINT    NOT NULL DEFAULT 1,
    disabled_at   TIMESTAMP,
    created_at    TIMESTAMP NOT NULL,
    last_login_at TIMESTAMP
);

CREATE TABLE sessions (
    id                   TEXT      PRIMARY KEY,
    user_id              TEXT      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id            TEXT      NOT NULL,
    -- Number of the newest refresh token of the session.
    generation           BIGINT    NOT NULL,
    -- SHA-256 of the session's `sk`; the value itself is only ever in the tokens.
    secret_hash          BLOB      NOT NULL,
    rotated_at           TIMESTAMP NOT NULL,
    -- SHA-256 of the Idempotency-Key that the last rotation came with.
    idempotency_key_hash BLOB,
    redeliveries         INTEGER   NOT NULL DEFAULT 0,
    delivery             TEXT      NOT NULL,
    remember             BOOLEAN   NOT NULL,
    auth_time            TIMESTAMP NOT NULL,
    created_at           TIMESTAMP NOT NULL,
    idle_expires_at      TIMESTAMP NOT NULL,
    expires_at           TIMESTAMP NOT NULL,
    ended_at             TIMESTAMP,
    end_reason           TEXT,
    ip                   TEXT,
    user_agent           TEXT
);

CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE signing_keys (
    -- Decides the race of several servers that make a key at the same moment.
    ordinal           INTEGER   PRIMARY KEY,
    kid               TEXT      NOT NULL UNIQUE,
    algorithm         TEXT      NOT NULL,
    public_jwk        TEXT      NOT NULL,
    -- AES-256-GCM: nonce, ciphertext, tag; bound to the kid.
    private_key       BLOB      NOT NULL,
    encryption_key_id TEXT      NOT NULL,
    created_at        TIMESTAMP NOT NULL
);
