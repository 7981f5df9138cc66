-- Existing keys sign immediately. It is not known yet how long they are needed.
ALTER TABLE signing_keys ADD COLUMN active_from TIMESTAMP NOT NULL DEFAULT '1970-01-01 00:00:00';
-- By this time, all tokens that the key signed have expired.
ALTER TABLE signing_keys ADD COLUMN needed_until TIMESTAMP;
ALTER TABLE signing_keys ADD COLUMN retired_at TIMESTAMP;
