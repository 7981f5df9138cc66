-- What resource servers must hear of while access tokens are about that know nothing of it. No foreign keys: it outlives the
-- people and sessions that it speaks of.
CREATE TABLE revocations (
    -- From the counter below.
    seq     BIGINT    PRIMARY KEY,
    kind    TEXT      NOT NULL,
    -- Session, person or kid.
    subject TEXT      NOT NULL,
    -- Of the person's record: tokens of a lower one are stale.
    version BIGINT,
    at      TIMESTAMP NOT NULL
);

CREATE INDEX revocations_by_time ON revocations (at);

-- One row, updated last by each transaction that revokes something: who comes later in it commits later, too. Of a sequence or
-- of a clock that could not be said, and a listener would miss what was numbered first and committed last.
CREATE TABLE revocation_counter (
    id    INTEGER PRIMARY KEY,
    -- Another one after a restore: numbers of before mean nothing then.
    epoch TEXT    NOT NULL,
    seq   BIGINT  NOT NULL
);

INSERT INTO revocation_counter (id, epoch, seq) VALUES (1, 'first', 0);
