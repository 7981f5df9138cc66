//! The rules: who may log in, what a refresh token is worth, when a session ends. Independent of HTTP and SQL.

pub mod audit;
pub mod context;
pub mod events;
pub mod keys;
pub mod maintenance;
pub mod passwords;
pub mod revocation_feed;
pub mod sessions;
pub mod tokens;
pub mod users;
