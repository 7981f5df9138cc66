//! The HTTP API: reads requests, calls the domain, writes responses.

mod admin;
mod arrival;
mod auth;
mod cookies;
mod csrf;
mod errors;
mod extract;
mod openapi;
mod pages;
mod problems;
mod rate_limit;
mod responses;
mod routes;
mod system;
mod validation;

pub use arrival::record_arrival;
pub use cookies::Cookies;
pub use csrf::{TrustedOrigins, check_origin};
#[cfg(feature = "testing")]
pub use extract::idempotency_key;
pub use pages::{Brand, Links, PageOptions, Renderer};
pub use rate_limit::LoginRateLimit;
pub use routes::routes;
pub use system::demo::Demo;
pub use system::pages::Pages;
pub use system::revocations::FeedTokens;
use validation::Validation;
