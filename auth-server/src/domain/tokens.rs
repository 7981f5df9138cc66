//! Access tokens and refresh tokens: claims, signatures, lifetimes.

mod access;
mod refresh;

pub use access::{AccessToken, AccessTokens, IssuedTokens};
pub use refresh::{RefreshToken, RefreshTokens, SessionSecret};
