//! `/admin`: what administrators read and change about all users.

pub mod events;
pub mod sessions;
pub mod users;
