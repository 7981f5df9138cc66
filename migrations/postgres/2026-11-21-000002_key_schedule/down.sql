-- The previous version does not support retired keys and would use them again.
DELETE FROM signing_keys WHERE retired_at IS NOT NULL;
ALTER TABLE signing_keys DROP COLUMN retired_at;
ALTER TABLE signing_keys DROP COLUMN needed_until;
ALTER TABLE signing_keys DROP COLUMN active_from;
