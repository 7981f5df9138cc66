-- Failed logins with names of no user are counted in one event for each address and hour.
ALTER TABLE events ADD COLUMN
    occurrences INTEGER NOT NULL DEFAULT 1;

-- Address and hour of such an event, otherwise NULL.
ALTER TABLE events ADD COLUMN
    counted_as TEXT;

CREATE UNIQUE INDEX events_counted ON events (counted_as);

-- Networks are no longer known origins.
DELETE FROM familiar_places WHERE place NOT LIKE 'device:%';
