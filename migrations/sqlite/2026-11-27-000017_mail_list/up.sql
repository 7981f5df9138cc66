-- The list of mails, newest first.
CREATE INDEX mails_by_time ON mails (created_at, id);
