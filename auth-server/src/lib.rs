//! auth-server: registers users, checks passwords, opens sessions, issues access tokens and rotates refresh tokens.
//!
//! A request passes through three layers: `http` (URL table, handlers, responses) → `domain` (the rules) → `store`
//! (SQL). All three use the types of `model`. [`AuthServer::build`] assembles them.

mod app;
pub mod cli;
mod domain;
mod fail_points;
mod http;
mod metrics;
mod model;
mod server;
pub mod settings;
mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use cli::{Command, CommandLine};
pub use model::{InvalidRole, Role};
pub use server::{AuthServer, CreateUserError};
pub use settings::Settings;
