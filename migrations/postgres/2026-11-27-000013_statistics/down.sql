DROP TABLE row_counts;
DROP INDEX events_by_counted_hour;
DROP TABLE event_counter;
DROP TABLE event_counts;
