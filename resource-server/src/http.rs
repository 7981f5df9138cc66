//! The HTTP API.

mod admin;
mod cors;
mod greeting;
mod health;
mod openapi;
mod profile;
mod protected;
mod routes;
mod transfer;
mod uncached;

pub use cors::cors;
pub use health::Readiness;
pub use routes::routes;
