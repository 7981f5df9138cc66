-- Passkeys and security keys (WebAuthn).
CREATE TABLE passkeys (
    id              TEXT      PRIMARY KEY,
    user_id         TEXT      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential_id   BLOB      NOT NULL UNIQUE,
    -- COSE key, as the authenticator sent it.
    public_key      BLOB      NOT NULL,
    -- COSE number of the algorithm: -8, -7 or -257.
    algorithm       INTEGER   NOT NULL,
    -- Of the last use. 0 in authenticators without a counter.
    sign_count      BIGINT    NOT NULL,
    -- Whether the authenticator verified the user at the registration.
    user_verified   BOOLEAN   NOT NULL,
    -- Whether it can be synchronised between devices. Never changes.
    backup_eligible BOOLEAN   NOT NULL,
    backed_up       BOOLEAN   NOT NULL,
    -- Whether it can replace the password: a passkey, not a security key.
    discoverable    BOOLEAN   NOT NULL,
    -- JSON array, as the browser named them.
    transports      TEXT      NOT NULL,
    -- Model of the authenticator, or zeros.
    aaguid          BLOB      NOT NULL,
    name            TEXT      NOT NULL,
    created_at      TIMESTAMP NOT NULL,
    last_used_at    TIMESTAMP
);

CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- Challenges of successful ceremonies, until they expire: each is good once.
CREATE TABLE spent_challenges (
    -- SHA-256 of the challenge.
    hash       BLOB      PRIMARY KEY,
    expires_at TIMESTAMP NOT NULL
);

CREATE INDEX spent_challenges_by_expiry ON spent_challenges (expires_at);
