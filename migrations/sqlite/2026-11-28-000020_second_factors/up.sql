-- Whether a login requires a second factor.
ALTER TABLE users ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE;
-- Wrong codes in a row, over all challenges, servers and addresses.
ALTER TABLE users ADD COLUMN factor_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN factor_failed_at TIMESTAMP;
-- One salt for the recovery codes of a user, so that one hash compares a code with all of them.
ALTER TABLE users ADD COLUMN recovery_salt BLOB;

-- Logins that passed the first factor and wait for the second one.
CREATE TABLE login_challenges (
    -- SHA-256 of the value that the client received.
    hash         BLOB      PRIMARY KEY,
    -- factor: the user has a second factor. enrolment: the user must get one.
    kind         TEXT      NOT NULL,
    user_id      TEXT      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The user's version at the first factor. A later one ends the challenge.
    user_version BIGINT    NOT NULL,
    -- How the user passed the first factor: a JSON array, as the claim amr.
    amr          TEXT      NOT NULL,
    -- Answers that were tried.
    attempts     INTEGER   NOT NULL DEFAULT 0,
    created_at   TIMESTAMP NOT NULL,
    expires_at   TIMESTAMP NOT NULL
);

CREATE INDEX login_challenges_by_user ON login_challenges (user_id);
CREATE INDEX login_challenges_by_expiry ON login_challenges (expires_at);

-- Authenticator apps (RFC 6238).
CREATE TABLE totp_factors (
    id                TEXT      PRIMARY KEY,
    user_id           TEXT      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name              TEXT      NOT NULL,
    -- Nonce, ciphertext and tag of the secret.
    secret            BLOB      NOT NULL,
    -- Identifies the secret that encrypted it.
    encryption_key_id TEXT      NOT NULL,
    -- Of the HMAC: SHA1, SHA256 or SHA512.
    algorithm         TEXT      NOT NULL,
    digits            INTEGER   NOT NULL,
    -- Seconds.
    period            INTEGER   NOT NULL,
    -- The time step of the last code that was accepted. No code of it or of an earlier step is accepted again.
    last_step         BIGINT    NOT NULL DEFAULT 0,
    created_at        TIMESTAMP NOT NULL,
    -- NULL until the user has entered a code. Until then the factor counts for nothing.
    confirmed_at      TIMESTAMP,
    last_used_at      TIMESTAMP
);

CREATE INDEX totp_factors_by_user ON totp_factors (user_id);
CREATE INDEX totp_factors_unconfirmed ON totp_factors (created_at) WHERE confirmed_at IS NULL;

CREATE TABLE recovery_codes (
    user_id TEXT  NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- argon2id of the code, with the user's recovery_salt.
    hash    BLOB  NOT NULL,
    used_at TIMESTAMP,
    PRIMARY KEY (user_id, hash)
);
