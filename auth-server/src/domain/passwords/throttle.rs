//! How often somebody may be wrong about a password. Counted in the database, so that all servers agree; for names that
//! nobody has as for those that somebody has, so that a refusal tells nothing.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::passwords::keyed_semaphore::{KeyedPermit, KeyedSemaphore};
use crate::model::{ClientInfo, ClientSubnet, UserId};
use crate::store::password_failures::{self, Failures};
use crate::store::{AnyConnection, StoreError, known_origins};

/// So many failures of one login_key at one origin_key cost nothing: people forget passwords, and keyboards have a caps lock.
const FREE: i32 = 5;
/// As many may be checked at the same time.
const AT_ONCE: usize = 5;
/// The longest wait. A guesser gets some 1,500 guesses a day at one origin_key, the owner is never shut out for long.
const LONGEST_WAIT: TimeDelta = TimeDelta::seconds(60);
/// After so long without a failure the waits begin anew.
const QUIET: TimeDelta = TimeDelta::minutes(15);
/// So many failures of one login_key, wherever they come from, within [`PERIOD`]: from then on strangers are not heard. Some
/// 900,000 guesses a year are left to a thief with any number of addresses, twice as many who also knows the username; no
/// password that was let in fears them.
const FAILURES_OF_ALL: i32 = 100;
/// For how long failures of all places are counted together.
const PERIOD: TimeDelta = TimeDelta::hours(1);
/// The origin_key that stands for all of them.
const ALL_ORIGINS: &str = "";
/// Clocks of servers may differ by so much, and a wait be longer by as much. What lies further ahead was counted by one that was wrong.
const AHEAD: TimeDelta = TimeDelta::seconds(60);

/// After so long nobody needs the counts any more.
pub const FAILURE_RETENTION: TimeDelta = PERIOD;
/// A origin_key is familiar for so long after the last login from there; the device's cookie lives as long.
pub const KNOWN_ORIGIN_RETENTION: TimeDelta = TimeDelta::days(90);

/// Names accounts in the table of failures, and lets a few of their passwords at a time be checked.
pub struct Throttle {
    key: hmac::Key,
    permits: KeyedSemaphore,
}

/// An attempt that was let through. It counts as a failure from the start, or a thousand at once would all pass.
#[derive(Clone)]
pub struct LoginAttempt {
    login_key: String,
    origin_key: String,
    device_is_known: bool,
}

/// Too many passwords were wrong.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many wrong passwords: {} s to wait", wait.as_secs())]
pub struct TooManyFailures {
    /// Until the next attempt may pass. Whole seconds, at least one.
    pub wait: Duration,
}

impl Throttle {
    /// People type passwords into the wrong field: only a keyed hash of what they typed is stored.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes()),
            permits: KeyedSemaphore::new(AT_ONCE),
        }
    }

    /// What stands in the table for the name that somebody gives.
    #[must_use]
    pub fn login_key(&self, name: &str) -> String {
        BASE64_URL_SAFE_NO_PAD
            .encode(hmac::sign(&self.key, format!("password failures of {name}").as_bytes()))
    }

    /// Waits until fewer than [`AT_ONCE`] passwords are being checked for the login_key from there, by this server. Attempts
    /// count as failures until they have proved otherwise: somebody who is right sixty times at once is not to be refused.
    pub async fn permit(&self, login_key: &str, requester: &ClientInfo) -> KeyedPermit {
        let origin_key = device(requester).unwrap_or_else(|| address(requester));
        self.permits.acquire(format!("{login_key} {origin_key}")).await
    }
}

impl LoginAttempt {
    /// Looks whether an attempt may pass, or how long it has to wait. Writes nothing: who is refused costs little.
    pub fn check(
        connection: &mut AnyConnection,
        login_key: String,
        user: Option<UserId>,
        requester: &ClientInfo,
        now: DateTime<Utc>,
    ) -> Result<Result<Self, TooManyFailures>, StoreError> {
        let now = now.naive_utc();
        let address = address(requester);
        let device = match device(requester) {
            Some(device) if known_origins::is_known(connection, user, &device)? => Some(device),
            _ => None,
        };
        let device_is_known = device.is_some();
        if let Some(until) = closed_until(connection, &login_key, now)?
            && !device_is_known
            && !known_origins::is_known(connection, user, &address)?
        {
            return Ok(Err(TooManyFailures::until(until, now)));
        }
        // A device that is known has a count of its own: strangers behind the same address do not use it up.
        let origin_key = device.unwrap_or(address);
        let seen = password_failures::find(connection, &login_key, &origin_key)?;
        Ok(counted_here(seen, now).map(|_| Self { login_key, origin_key, device_is_known }))
    }

    /// Lets it pass, unless others have been let in meanwhile. For a transaction of its own.
    pub fn reserve(
        &self,
        connection: &mut AnyConnection,
        now: DateTime<Utc>,
    ) -> Result<Result<(), TooManyFailures>, StoreError> {
        let now = now.naive_utc();
        let seen = password_failures::lock(connection, &self.login_key, &self.origin_key)?;
        let counted = match counted_here(seen, now) {
            Ok(counted) => counted,
            Err(too_many) => return Ok(Err(too_many)),
        };
        password_failures::set(connection, &self.login_key, &self.origin_key, one_more(counted, now))?;
        Ok(Ok(()))
    }

    /// The password was wrong. In a transaction that has locked the person's row, if there is a person.
    pub fn record_failure(
        &self,
        connection: &mut AnyConnection,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let now = now.naive_utc();
        let seen = password_failures::lock(connection, &self.login_key, ALL_ORIGINS)?;
        let counted = seen.filter(|seen| is_within(PERIOD, seen.first_at, now));
        password_failures::set(connection, &self.login_key, ALL_ORIGINS, one_more(counted, now))
    }

    /// The password was right: the failures at this origin_key are forgotten.
    pub fn clear(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        password_failures::forget(connection, &self.login_key, &self.origin_key)
    }

    /// Whether the device showed a token that an earlier login of this person left there.
    #[must_use]
    pub fn device_is_known(&self) -> bool {
        self.device_is_known
    }
}

impl TooManyFailures {
    fn until(until: NaiveDateTime, now: NaiveDateTime) -> Self {
        let seconds = (until - now + TimeDelta::milliseconds(999)).num_seconds().max(1);
        Self { wait: Duration::from_secs(seconds.unsigned_abs()) }
    }
}

/// Notes where a person logs in from. For the transaction that has locked the person's row.
pub fn remember_origin(
    connection: &mut AnyConnection,
    user: UserId,
    requester: &ClientInfo,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let device = device(requester);
    for origin_key in std::iter::once(address(requester)).chain(device) {
        known_origins::remember(connection, user, &origin_key, now)?;
    }
    Ok(())
}

/// Until when strangers are not heard, if that is so.
fn closed_until(
    connection: &mut AnyConnection,
    login_key: &str,
    now: NaiveDateTime,
) -> Result<Option<NaiveDateTime>, StoreError> {
    let of_all = password_failures::find(connection, login_key, ALL_ORIGINS)?;
    let full = of_all.filter(|all| all.count >= FAILURES_OF_ALL && is_within(PERIOD, all.first_at, now));
    Ok(full.map(|all| all.first_at + PERIOD))
}

/// What counts of the failures at one origin_key, unless there are too many.
fn counted_here(seen: Option<Failures>, now: NaiveDateTime) -> Result<Option<Failures>, TooManyFailures> {
    let counted = seen.filter(|seen| is_within(QUIET, seen.last_at, now));
    let wait = counted.and_then(|counted| Some((counted.last_at, wait(counted.count)?)));
    match wait.map(|(last_at, wait)| last_at + wait) {
        Some(until) if now < until => Err(TooManyFailures::until(until, now)),
        _ => Ok(counted),
    }
}

/// Whether that was no longer ago.
fn is_within(period: TimeDelta, then: NaiveDateTime, now: NaiveDateTime) -> bool {
    (-AHEAD..period).contains(&(now - then))
}

fn one_more(counted: Option<Failures>, now: NaiveDateTime) -> Failures {
    let none = Failures { count: 0, first_at: now, last_at: now };
    let counted = counted.unwrap_or(none);
    // Another may have come later and have been counted first.
    Failures { count: counted.count.saturating_add(1), last_at: counted.last_at.max(now), ..counted }
}

/// After so many: 1, 2, 4 … 60 seconds, or none at all. Not zero, which would be a wait for those whose clock is behind.
fn wait(failures: i32) -> Option<TimeDelta> {
    let doublings = u32::try_from(failures - FREE).ok()?;
    Some(TimeDelta::seconds(1 << doublings.min(6)).min(LONGEST_WAIT))
}

fn address(requester: &ClientInfo) -> String {
    requester.ip.map_or_else(|| "unknown".to_owned(), |ip| ClientSubnet::from(ip).to_string())
}

fn device(requester: &ClientInfo) -> Option<String> {
    requester.device.as_ref().map(|device| format!("device:{}", device.hash()))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use crate::domain::passwords::throttle::{counted_here, one_more, wait};

    #[test]
    fn waits_double_up_to_a_minute() {
        let seconds = |failures| wait(failures).map_or(0, |wait| wait.num_seconds());
        let waits: Vec<i64> = (3..14).map(seconds).collect();
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn who_looked_at_the_clock_first_and_is_counted_last_does_not_wait_and_turns_no_clock_back() {
        let now = DateTime::UNIX_EPOCH.naive_utc();
        let later = now + TimeDelta::milliseconds(1);
        let counted = counted_here(Some(one_more(None, later)), now).unwrap();
        let both = one_more(counted, now);
        assert_eq!((both.count, both.first_at, both.last_at), (2, later, later));
    }
}
