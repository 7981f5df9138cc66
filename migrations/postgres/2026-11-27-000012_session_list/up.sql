-- Lists the active sessions of all users. A refresh changes none of the columns.
CREATE INDEX IF NOT EXISTS sessions_by_login ON sessions (created_at, id) WHERE ended_at IS NULL;
