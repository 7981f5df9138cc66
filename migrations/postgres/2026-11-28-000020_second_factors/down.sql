DROP TABLE recovery_codes;
DROP TABLE totp_factors;
DROP TABLE login_challenges;
ALTER TABLE users DROP COLUMN recovery_salt;
ALTER TABLE users DROP COLUMN factor_failed_at;
ALTER TABLE users DROP COLUMN factor_failures;
ALTER TABLE users DROP COLUMN second_factor;
