-- Lists of users that are sorted by time. The expression must equal the one of the queries.
CREATE INDEX users_by_creation ON users (created_at, id);
CREATE INDEX users_by_login ON users (COALESCE(last_login_at, '1970-01-01 00:00:00'), id);

-- Find the few users that match a filter among many.
CREATE INDEX users_by_roles ON users (roles) WHERE roles <> '[]';
CREATE INDEX users_disabled ON users (id) WHERE disabled_at IS NOT NULL;
CREATE INDEX users_unverified ON users (id) WHERE email_verified_at IS NULL;
