//! Access tokens and refresh tokens: claims, signatures, lifetimes. Tokens and codes of mailed links, and of the setup link.

mod access;
mod proof;
mod refresh;
mod setup;

pub use access::{AccessToken, AccessTokens, IssuedTokens};
pub use proof::{ProofToken, ProofTokens};
pub use refresh::{RefreshToken, RefreshTokens, SessionSecret};
pub use setup::{SetupToken, SetupTokens};
