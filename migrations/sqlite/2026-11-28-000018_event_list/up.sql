-- Events of one type among the many of an address, such as that of a company.
CREATE INDEX events_by_ip_and_type ON events (ip, type, at, id);
