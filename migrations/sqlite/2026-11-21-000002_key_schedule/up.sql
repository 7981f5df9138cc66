-- A key made by a version without these columns signs at once, and nobody knows yet how long it is needed.
ALTER TABLE signing_keys ADD COLUMN active_from TIMESTAMP NOT NULL DEFAULT '1970-01-01 00:00:00';
-- By then every token that it signed is dead.
ALTER TABLE signing_keys ADD COLUMN needed_until TIMESTAMP;
ALTER TABLE signing_keys ADD COLUMN retired_at TIMESTAMP;
