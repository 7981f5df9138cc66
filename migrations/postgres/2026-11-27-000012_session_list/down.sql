DROP INDEX sessions_by_login;
