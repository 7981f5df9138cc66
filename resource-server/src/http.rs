//! The HTTP API.

mod admin;
mod greeting;
mod health;
mod openapi;
mod profile;
mod protected;
mod routes;
mod transfer;
mod verify;

pub use health::Readiness;
pub use routes::routes;
