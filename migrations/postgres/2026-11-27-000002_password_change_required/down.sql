ALTER TABLE users DROP COLUMN temporary_password_expires_at;
