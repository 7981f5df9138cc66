//! The rules: who may log in, when a token is spent, when a session is over. Knows neither HTTP nor SQL.

mod access_tokens;
pub mod accounts;
pub mod authentication;
mod context;
mod devices;
mod hashing_memory;
mod hashing_pool;
pub mod housekeeping;
pub mod key_administration;
mod key_pairs;
mod key_schedule;
pub mod login;
pub mod logout;
mod passwords;
pub mod refresh;
mod refresh_tokens;
pub mod registration;
mod sealing;
mod security_log;
pub mod sessions;
mod signer;
mod signing_keys;
mod standing;

pub use access_tokens::IssuedTokens;
pub use context::{Context, Lifetimes, Policy};
pub use devices::device;
pub use hashing_pool::Busy;
pub use key_pairs::KeyPairs;
pub use key_schedule::KeySchedule;
pub use passwords::{Argon2Settings, Passwords, WeakPassword};
pub use refresh_tokens::{RefreshToken, RefreshTokens};
pub use sealing::Sealing;
pub use signer::UnusableKey;
pub use signing_keys::{KeyRing, Source as KeySource};
