DROP INDEX users_unverified;
DROP INDEX users_disabled;
DROP INDEX users_by_roles;
DROP INDEX users_by_login;
DROP INDEX users_by_creation;
