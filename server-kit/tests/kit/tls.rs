//! TLS of the listener.

mod connections;
mod http2;
mod reload;
mod server;
mod settings;
