-- How many events of a type there were on a day (UTC). They remain when the events are purged.
CREATE TABLE event_counts (
    day   TEXT   NOT NULL,
    type  TEXT   NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (day, type)
);

-- One row: which events are in the counts.
CREATE TABLE event_counter (
    id            INTEGER   PRIMARY KEY,
    -- Those up to this id, except failed logins with unknown names.
    counted_up_to BIGINT    NOT NULL,
    -- The greatest id at a time. A minute later, all transactions that inserted smaller ones have ended.
    seen_id       BIGINT    NOT NULL,
    seen_at       TIMESTAMP NOT NULL,
    -- Failed logins with unknown names, before this full hour.
    hours_until   TIMESTAMP NOT NULL
);

INSERT INTO event_counter (id, counted_up_to, seen_id, seen_at, hours_until)
VALUES (1, 0, 0, '1970-01-01 00:00:00', '1970-01-01 00:00:00');

CREATE INDEX events_by_counted_hour ON events (at) WHERE counted_as IS NOT NULL;

-- Numbers of rows that take long to count. NULL until they have been counted.
CREATE TABLE row_counts (
    name        TEXT      PRIMARY KEY,
    count       BIGINT,
    counted_at  TIMESTAMP,
    due_at      TIMESTAMP NOT NULL
);

INSERT INTO row_counts (name, due_at) VALUES
    ('users', '1970-01-01 00:00:00'),
    ('disabled_users', '1970-01-01 00:00:00'),
    ('unverified_users', '1970-01-01 00:00:00'),
    ('active_sessions', '1970-01-01 00:00:00');
