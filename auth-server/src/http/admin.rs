//! `/admin`: what administrators read and change about all users.

pub mod events;
pub mod factors;
pub mod invitations;
pub mod keys;
pub mod mails;
pub mod overview;
pub mod servers;
pub mod sessions;
pub mod users;
