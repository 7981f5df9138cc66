-- Times are UTC. Ids are UUIDs as text, so that both databases store, sort and print them in the same way.

CREATE TABLE users (
    id            TEXT      PRIMARY KEY,
    email         TEXT      NOT NULL UNIQUE,
    username      TEXT      UNIQUE,
    name          TEXT,
    password_hash TEXT      NOT NULL,
    -- JSON array of strings.
    roles         TEXT      NOT NULL DEFAULT '[]',
    -- JSON object of additional claims in the user's access tokens.
    claims        TEXT      NOT NULL DEFAULT '{}',
    -- Incremented when the password, roles or status change, and when all sessions are ended.
    version       BIGINT    NOT NULL DEFAULT 1,
    disabled_at   TIMESTAMP,
    created_at    TIMESTAMP NOT NULL,
    last_login_at TIMESTAMP
);

CREATE TABLE sessions (
    id                   TEXT      PRIMARY KEY,
    user_id              TEXT      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id            TEXT      NOT NULL,
    -- Generation of the current refresh token.
    generation           BIGINT    NOT NULL,
    -- SHA-256 of the claim `sk`. Only the refresh tokens contain the value.
    secret_hash          BLOB      NOT NULL,
    rotated_at           TIMESTAMP NOT NULL,
    -- SHA-256 of the Idempotency-Key of the last rotation.
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
    -- Only one of several servers that create a key at the same time can insert the next ordinal.
    ordinal           INTEGER   PRIMARY KEY,
    kid               TEXT      NOT NULL UNIQUE,
    algorithm         TEXT      NOT NULL,
    public_jwk        TEXT      NOT NULL,
    -- Encrypted with AES-256-GCM: nonce, ciphertext, tag. The kid is the associated data.
    private_key       BLOB      NOT NULL,
    encryption_key_id TEXT      NOT NULL,
    created_at        TIMESTAMP NOT NULL
);
