//! An API that knows nobody. It has no database and no private key: it believes access tokens, which it checks with
//! public keys fetched from the auth server, and goes on doing so while that is down.
//!
//! Start reading at [`build`], then at the URL table in `http/routes.rs`.

mod command_line;
mod http;
pub mod logging;
mod metrics;
pub mod settings;
mod startup;

pub use command_line::{Command, CommandLine};
pub use settings::Settings;
pub use startup::{Running, StartError, build};
