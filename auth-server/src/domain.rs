//! The rules: who can log in, what a refresh token is worth, when a session ends. Independent of HTTP and SQL.
//!
//! Each module may use only those below it:
//!
//! ```text
//! maintenance                                              background work
//! users                                                    registration, profile, search, administration, import
//! sessions                                                 login, refresh, logout, authentication
//! context                                                  the parts of a running server
//! tokens                                                   access and refresh tokens
//! user_limits                                              logins and changes of each user
//! keys                                                     signing keys
//! operation                                                a change: database, client, time, transaction
//! audit, events, passwords, rate_limiter, revocation_feed  use no other module
//! ```

pub mod audit;
pub mod context;
pub mod events;
pub mod keys;
pub mod maintenance;
pub mod operation;
pub mod passwords;
pub mod rate_limiter;
pub mod revocation_feed;
pub mod sessions;
pub mod tokens;
pub mod user_limits;
pub mod users;
