DROP INDEX events_counted;
ALTER TABLE events DROP COLUMN counted_as;
ALTER TABLE events DROP COLUMN occurrences;
