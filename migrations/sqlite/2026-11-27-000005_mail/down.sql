DROP TABLE mails;
DROP TABLE proofs;
ALTER TABLE users DROP COLUMN locale;
ALTER TABLE users DROP COLUMN email_verified_at;
