-- What was taken out of use must not come back: the version before knows nothing of that.
DELETE FROM signing_keys WHERE retired_at IS NOT NULL;
ALTER TABLE signing_keys DROP COLUMN retired_at;
ALTER TABLE signing_keys DROP COLUMN needed_until;
ALTER TABLE signing_keys DROP COLUMN active_from;
