//! Users: registration, profile, password, search, administration and import.

pub mod admin;
pub mod deletion;
pub mod import;
mod password;
mod profile;
mod registration;
pub mod search;
pub mod stored_emails;

pub use password::{PasswordChange, PasswordChangeError, change_password};
pub use profile::{DeletionError, RenameError, delete_self, rename};
pub use registration::{NewUser, RegistrationError, register};
