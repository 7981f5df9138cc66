//! For services on actix-web: authentication of callers, and error responses.

pub mod access_cookie;
pub mod authenticated;
pub mod bearer;
pub mod challenge;
mod code;
pub mod cookies;
pub mod problem;
pub mod require_token;
