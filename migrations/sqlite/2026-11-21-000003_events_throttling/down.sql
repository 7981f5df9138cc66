DROP INDEX users_administrators;
DROP TABLE guards;
DROP TABLE familiar_places;
DROP TABLE password_failures;
DROP TABLE events;
