-- The list of mails, newest first.
CREATE INDEX IF NOT EXISTS mails_by_time ON mails (created_at, id);
