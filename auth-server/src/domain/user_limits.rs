//! Limits what one user can write, so that no account fills the database with sessions and events. Each server counts for
//! itself.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::domain::rate_limiter::KeyedRateLimiter;
use crate::model::UserId;

/// After a pause, six minutes' worth is available at once: more than a user needs who ends one session after the other.
const BURST_MINUTES: NonZeroU32 = NonZeroU32::new(6).unwrap();
/// Administrators change many accounts, often by a script.
const TIMES_PER_ADMINISTRATOR: NonZeroU32 = NonZeroU32::new(20).unwrap();

pub struct UserLimits {
    users: KeyedRateLimiter<(UserId, Action)>,
    administrators: KeyedRateLimiter<UserId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Action {
    Login,
    Change,
    Redelivery,
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many changes by one user, retry in {} s", wait.as_secs())]
pub struct TooManyChanges {
    /// Whole seconds, at least one.
    pub wait: Duration,
}

impl UserLimits {
    /// From the setting `ACCOUNT_RATE_PER_USER`.
    pub fn new(per_minute: NonZeroU32) -> Self {
        let by_administrators = per_minute.saturating_mul(TIMES_PER_ADMINISTRATOR);
        Self {
            users: KeyedRateLimiter::new(per_minute, per_minute.saturating_mul(BURST_MINUTES)),
            administrators: KeyedRateLimiter::new(
                by_administrators,
                by_administrators.saturating_mul(BURST_MINUTES),
            ),
        }
    }

    /// Counts a login with the correct password. Each adds a session and an event.
    pub fn count_login(&self, user: UserId) -> Result<(), TooManyChanges> {
        self.users.count(&(user, Action::Login)).map_err(TooManyChanges::retry_in)
    }

    /// Counts a call that changes the user's account, or that checks the password of a session.
    ///
    /// Logout is not counted: it must always succeed, and every session that ends was counted as a login.
    pub fn count_change(&self, user: UserId) -> Result<(), TooManyChanges> {
        self.users.count(&(user, Action::Change)).map_err(TooManyChanges::retry_in)
    }

    /// Counts the redelivery of a lost response. Above the limit it is still granted, but not recorded: a user could refresh
    /// and repeat the request without end.
    pub fn count_redelivery(&self, user: UserId) -> Result<(), TooManyChanges> {
        self.users.count(&(user, Action::Redelivery)).map_err(TooManyChanges::retry_in)
    }

    /// Counts a change by an administrator to any account.
    pub fn count_administration(&self, administrator: UserId) -> Result<(), TooManyChanges> {
        self.administrators.count(&administrator).map_err(TooManyChanges::retry_in)
    }
}

impl TooManyChanges {
    fn retry_in(wait: Duration) -> Self {
        Self { wait }
    }
}
