ALTER TABLE signing_keys DROP COLUMN retired_at;
ALTER TABLE signing_keys DROP COLUMN needed_until;
ALTER TABLE signing_keys DROP COLUMN active_from;
