//! What an actix-web service needs: who is calling, and how to answer when that is not to be.

pub mod access;
pub mod access_cookie;
pub mod authenticated;
pub mod bearer;
pub mod challenge;
mod code;
pub mod connections;
pub mod cookies;
pub mod cors;
#[cfg(feature = "openapi")]
pub mod description;
pub mod fallback;
pub mod healthcheck;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod problem;
pub mod proxies;
