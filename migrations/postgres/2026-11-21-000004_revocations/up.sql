-- The revocation feed: revoked sessions, users and keys, kept until the access tokens issued earlier have expired. No
-- foreign keys: entries remain when the user or session is deleted.
CREATE TABLE revocations (
    -- From the counter below.
    seq     BIGINT    PRIMARY KEY,
    kind    TEXT      NOT NULL,
    -- Session id, user id or kid.
    subject TEXT      NOT NULL,
    -- The user's version. Tokens with a lower version are stale.
    version BIGINT,
    at      TIMESTAMP NOT NULL
);

CREATE INDEX revocations_by_time ON revocations (at);

-- One row, which each revoking transaction updates last. Its lock makes the order of the numbers the order of the commits.
-- With a sequence or a clock, readers would miss an entry that was numbered first but committed last.
CREATE TABLE revocation_counter (
    id    INTEGER PRIMARY KEY,
    -- Changes after a restore, which invalidates all earlier numbers.
    epoch TEXT    NOT NULL,
    seq   BIGINT  NOT NULL
);

INSERT INTO revocation_counter (id, epoch, seq) VALUES (1, 'first', 0);
