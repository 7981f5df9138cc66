//! auth-server: registers people, checks passwords, opens sessions, issues access tokens and rotates refresh tokens.
//!
//! A request walks downhill: `http` (URL table, handlers, answers) → `domain` (the rules) → `store` (SQL), with
//! `model` as what they talk about. [`AuthServer::build`] puts it together.

pub mod cli;
mod domain;
mod fail_points;
mod http;
pub mod logging;
mod metrics;
mod model;
pub mod settings;
mod startup;
mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use cli::{Command, CommandLine};
pub use model::{InvalidRole, Role};
pub use settings::Settings;
pub use startup::{AuthServer, CreateUserError};
