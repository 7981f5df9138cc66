DROP INDEX mails_by_time;
