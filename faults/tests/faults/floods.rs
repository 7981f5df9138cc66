//! Too much of everything.

mod bad_tokens;
mod connections;
mod logins;
mod slow_clients;
mod unknown_keys;
