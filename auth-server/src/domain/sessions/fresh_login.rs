//! Changes that require a recent proof of the user (OWASP ASVS 5.0, 7.5): a session that was left open or stolen must not be
//! enough for them, and the password alone must not be enough for a user who has turned on a second factor.

use chrono::{DateTime, TimeDelta, Utc};
use shared_claims::Acr;

use crate::domain::sessions::CurrentSession;

/// How recently the user must have proved who they are.
pub const MAX_AUTH_AGE: TimeDelta = TimeDelta::minutes(5);

#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum NotFresh {
    /// The last proof was more than [`MAX_AUTH_AGE`] ago.
    #[error("the last authentication is too long ago")]
    TooOld,
    /// The session has no second factor, and its user has turned it on.
    #[error("the session has no second factor")]
    TooWeak,
}

impl CurrentSession {
    pub fn require_fresh_login(&self, now: DateTime<Utc>) -> Result<(), NotFresh> {
        if self.has_second_factor && self.session.amr.acr() < Acr::Mfa {
            Err(NotFresh::TooWeak)
        } else if now - self.session.auth_time > MAX_AUTH_AGE {
            Err(NotFresh::TooOld)
        } else {
            Ok(())
        }
    }
}
