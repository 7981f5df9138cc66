//! `/auth`: sessions, and what users read and change about themselves.

pub mod events;
pub mod login;
pub mod logout;
pub mod me;
pub mod password;
pub mod reauthenticate;
pub mod refresh;
pub mod register;
pub mod sessions;
