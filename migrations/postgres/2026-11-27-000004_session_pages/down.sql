DROP INDEX sessions_active;
DROP INDEX users_deleted;
-- The sessions of deleted users, too. Events that are not anonymized yet remain.
DELETE FROM users WHERE deleted_at IS NOT NULL;
ALTER TABLE users DROP COLUMN deleted_at;
