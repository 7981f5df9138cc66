//! `/admin`: what administrators do with all accounts.

pub mod events;
pub mod sessions;
pub mod users;
