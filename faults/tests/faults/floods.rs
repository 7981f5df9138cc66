//! More logins, connections and invalid tokens than a server can handle.

mod bad_tokens;
mod connection_limits;
mod connections;
mod logins;
mod slow_clients;
mod unknown_keys;
