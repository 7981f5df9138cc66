//! What an actix-web service needs: who is calling, and how to answer when that is not to be.

pub mod access_cookie;
pub mod authenticated;
pub mod bearer;
pub mod challenge;
mod code;
pub mod cookies;
pub mod problem;
pub mod require_token;
