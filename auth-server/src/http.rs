//! The HTTP API: reads requests, calls the domain, writes responses.

mod admin;
mod auth;
pub mod cookies;
pub mod csrf;
mod errors;
mod extract;
mod openapi;
pub mod rate_limit;
mod responses;
mod routes;
pub mod system;
mod validation;

#[cfg(feature = "testing")]
pub use extract::idempotency_key::idempotency_key;
pub use routes::routes;
