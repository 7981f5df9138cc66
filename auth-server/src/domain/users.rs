//! Users: registration, profile, search, administration and import.

pub mod admin;
pub mod import;
pub mod last_admin;
pub mod profile;
pub mod registration;
pub mod search;
