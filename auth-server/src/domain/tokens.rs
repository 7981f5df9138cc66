//! Access tokens and refresh tokens, as this server issues and reads them.

mod access;
mod refresh;

pub use access::{AccessToken, IssuedTokens, access_token, issue};
pub use refresh::{RefreshToken, RefreshTokens, SessionSecret};
