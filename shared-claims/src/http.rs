//! For services on actix-web or axum: authentication of callers, and error responses.

pub mod access_cookie;
#[cfg(feature = "actix")]
mod actix;
pub mod authenticated;
#[cfg(feature = "axum")]
pub mod axum;
pub mod bearer;
pub mod challenge;
mod code;
pub mod cookies;
pub mod problem;
pub mod request_head;
#[cfg(feature = "actix")]
pub mod require_token;
