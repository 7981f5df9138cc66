-- NULL until the user has proved that the address is theirs.
ALTER TABLE users ADD COLUMN email_verified_at TIMESTAMP;

-- Language of mails, as the user chose it.
ALTER TABLE users ADD COLUMN locale TEXT;

-- What the links and codes in mails prove. Neither is stored: both are derived from the id and KEY_ENCRYPTION_SECRET. No
-- foreign keys: most proofs are of addresses that may have no user.
CREATE TABLE proofs (
    id                TEXT      PRIMARY KEY,
    purpose           TEXT      NOT NULL,
    email             TEXT      NOT NULL,
    user_id           TEXT,
    -- The user's version at the time of the request. A later one voids the proof.
    user_version      BIGINT,
    -- SHA-256 of the value that the requesting client received.
    continuation_hash BYTEA,
    -- The secret that the link and the code are derived from.
    key_id            TEXT      NOT NULL,
    -- JSON object, for example the name and password hash of a registration.
    data              TEXT      NOT NULL DEFAULT '{}',
    -- Wrong codes.
    attempts          INTEGER   NOT NULL DEFAULT 0,
    created_at        TIMESTAMP NOT NULL,
    expires_at        TIMESTAMP NOT NULL,
    code_until        TIMESTAMP,
    used_at           TIMESTAMP,
    void_at           TIMESTAMP
);

CREATE UNIQUE INDEX proofs_by_continuation ON proofs (continuation_hash);
CREATE INDEX proofs_by_user ON proofs (user_id);
CREATE INDEX proofs_by_email ON proofs (email, purpose);
CREATE INDEX proofs_by_expiry ON proofs (expires_at);
CREATE INDEX proofs_invitations ON proofs (created_at, id) WHERE purpose = 'invite';

-- The outbox. A mail is rendered when it is sent, so that the row contains no link and no code. No foreign keys: a notice
-- outlives its user.
CREATE TABLE mails (
    id           TEXT      PRIMARY KEY,
    kind         TEXT      NOT NULL,
    recipient    TEXT      NOT NULL,
    user_id      TEXT,
    proof_id     TEXT,
    -- Who is counted for the limits of requested mails. Empty for notices.
    requester    TEXT      NOT NULL,
    locale       TEXT      NOT NULL,
    -- JSON object of values for the template. No secrets.
    data         TEXT      NOT NULL,
    created_at   TIMESTAMP NOT NULL,
    -- Next attempt.
    due_at       TIMESTAMP NOT NULL,
    -- Not sent after this time.
    expires_at   TIMESTAMP NOT NULL,
    attempts     INTEGER   NOT NULL DEFAULT 0,
    -- The server that sends it now, and until when no other server may.
    lease        TEXT,
    leased_until TIMESTAMP,
    sent_at      TIMESTAMP,
    failed_at    TIMESTAMP,
    -- Response of the mail server, or why the mail was not sent.
    outcome      TEXT
);

CREATE INDEX mails_due ON mails (due_at) WHERE sent_at IS NULL AND failed_at IS NULL;
CREATE INDEX mails_by_recipient ON mails (recipient, created_at);
CREATE INDEX mails_by_user ON mails (user_id, kind, created_at);
CREATE INDEX mails_sent ON mails (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX mails_failed ON mails (failed_at) WHERE failed_at IS NOT NULL;
