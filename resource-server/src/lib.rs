//! An API without a user database and without private keys. It validates access tokens with public keys of the auth
//! server, which it fetches over HTTP and keeps while the auth server is down.
//!
//! Start reading at [`ResourceServer::build`], then at the URL table in `http/routes.rs`.

mod app;
mod cli;
mod http;
mod metrics;
mod server;
pub mod settings;

pub use cli::{Command, CommandLine};
pub use server::ResourceServer;
pub use settings::Settings;
