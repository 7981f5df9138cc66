//! `/auth`: sessions, and what users read and change about themselves.

pub mod confirmation;
pub mod email_change;
pub mod email_verification;
pub mod events;
pub mod factors;
pub mod forgotten_password;
pub mod invitations;
pub mod login;
pub mod logout;
pub mod me;
pub mod passkeys;
pub mod password;
pub mod password_strength;
pub mod proofs;
pub mod reauthenticate;
pub mod refresh;
pub mod register;
pub mod second_factor;
mod session_options;
pub mod sessions;
pub mod setup;
