//! Second factors: what a login requires beside the password, and what proves it.
//!
//! A login that passed the first factor of a user with a second one becomes a [`Challenge`]. An [`Answer`] proves the second
//! factor, to complete that login or to reauthenticate in a session.

mod answer;
mod challenge;
mod methods;
mod recovery_codes;
mod totp;

pub use answer::{Answer, AnswerError, LOCK, Rejection, Verdict};
pub use challenge::{Challenge, ChallengeKind, OpenChallenge};
pub use methods::{has_any, methods};
pub use recovery_codes::RecoveryCodes;
pub use totp::Totp;
