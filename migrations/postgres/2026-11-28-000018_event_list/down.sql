DROP INDEX events_by_ip_and_type;
