//! Changes that require a recent password check (OWASP ASVS 5.0, 7.5): a session that was left open or stolen must not be
//! enough for them.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::sessions::CurrentSession;

/// How recently the user must have given the password.
pub const MAX_AUTH_AGE: TimeDelta = TimeDelta::minutes(5);

/// The user gave the password more than [`MAX_AUTH_AGE`] ago.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the last authentication is too long ago")]
pub struct NotFresh;

impl CurrentSession {
    pub fn require_fresh_login(&self, now: DateTime<Utc>) -> Result<(), NotFresh> {
        if now - self.session.auth_time > MAX_AUTH_AGE { Err(NotFresh) } else { Ok(()) }
    }
}
