//! Users: registration, profile, password, search, administration and import.

pub mod admin;
pub mod creation;
pub mod deletion;
mod email_change;
mod email_verification;
pub mod enrolment;
pub mod factors;
mod forgotten_password;
pub mod import;
pub mod invitations;
mod password;
mod pending_registration;
mod profile;
mod registration;
pub mod search;
pub mod setup;
pub mod stored_emails;

pub use email_change::{
    EmailChangeError, EmailChangeRequestError, cancel_email_change, confirm_email_change,
    pending_email_change, request_email_change,
};
pub use email_verification::{Companion, VerificationError, request_verification, verify_email};
pub use forgotten_password::{ResetError, forgot_password, reset_password, send_reset_link};
pub use password::{PasswordChange, PasswordChangeError, change_password};
pub use pending_registration::{confirm_registration, request_registration};
pub use profile::{DeletionError, ProfileChange, RenameError, change_profile, delete_self};
pub use registration::{Account, NewUser, RegistrationError, register};
