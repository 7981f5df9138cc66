-- Finds the active sessions among those that have ended. Without the time of the last use: a refresh changes no indexed
-- column.
CREATE INDEX sessions_active ON sessions (user_id) WHERE ended_at IS NULL;

-- Set when the user is deleted. The deletion clears the row; it remains until the sessions are deleted and the events
-- anonymized, in batches.
ALTER TABLE users ADD COLUMN deleted_at TIMESTAMP;

CREATE INDEX users_deleted ON users (id) WHERE deleted_at IS NOT NULL;
