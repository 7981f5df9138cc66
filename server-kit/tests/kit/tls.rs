//! TLS of the listener.

mod connections;
mod reload;
mod server;
mod settings;
