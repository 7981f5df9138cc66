-- Set when an operator sets the password: until then it can be exchanged for a new one at a login. NULL for a password that
-- the user chose.
ALTER TABLE users ADD COLUMN temporary_password_expires_at TIMESTAMP;
