//! Too much of everything.

mod slow_clients;
