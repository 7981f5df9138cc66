DROP INDEX users_administrators;
DROP TABLE guards;
DROP TABLE familiar_places;
DROP TABLE password_failures;
DROP TABLE events;
ALTER TABLE users ALTER COLUMN email TYPE TEXT, ALTER COLUMN username TYPE TEXT;
