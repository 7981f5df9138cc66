//! Limits wrong passwords, per login name and origin (known device or network), and per login name at all origins together.
//! Failures are counted in the database, so that all servers agree. Names that no user has are counted in the same way, and
//! no network is treated differently from another, so that a rejection reveals neither who exists nor who logs in from where.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::passwords::keyed_semaphore::{KeyedPermit, KeyedSemaphore};
use crate::model::{ClientInfo, ClientSubnet, UserId};
use crate::store::password_failures::{self, Counts, Failures};
use crate::store::{AnyConnection, StoreError, known_origins};

/// Failures of one login name at one origin without a wait: users mistype passwords.
const FREE_FAILURES: i32 = 5;
/// Passwords of one login name that this server checks at the same time for one origin. At most [`FREE_FAILURES`]: each of
/// them counts as a failure until it is verified, and correct ones must not be rejected.
const CONCURRENT_CHECKS: usize = 5;
/// Leaves a guesser some 1,500 attempts a day at one origin, and never locks the user out for long.
const LONGEST_WAIT: TimeDelta = TimeDelta::seconds(60);
/// After this long without a failure the waits start from the beginning.
const QUIET_PERIOD: TimeDelta = TimeDelta::minutes(15);
/// Failures of one login name at all origins within [`FAILURE_PERIOD`] after which only known devices are admitted. Leaves
/// some 900,000 attempts a year to a guesser with any number of addresses, and twice as many to one who also knows the
/// username. No password that the strength check accepts can be guessed in so few.
const FAILURES_AT_ALL_ORIGINS: i32 = 100;
/// How long failures at all origins are counted together.
const FAILURE_PERIOD: TimeDelta = TimeDelta::hours(1);
/// How far the clocks of two servers may differ; a wait may be longer by this much. Failures further in the future were
/// counted by a server with a wrong clock, and are ignored.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(60);

/// How long failures are stored.
pub const FAILURE_RETENTION: TimeDelta = FAILURE_PERIOD;
/// How long a device is known after the last login on it. The device cookie has the same lifetime.
pub const KNOWN_ORIGIN_RETENTION: TimeDelta = TimeDelta::days(90);

/// Starts login attempts, a few at a time for each login name and origin.
pub struct Throttle {
    key: hmac::Key,
    permits: KeyedSemaphore,
}

/// An attempt to log in that is not checked yet.
#[derive(Clone)]
pub struct LoginAttempt {
    login_key: String,
    network: String,
    device: Option<String>,
}

/// An attempt that may be made now.
#[derive(Clone)]
pub struct AdmittedAttempt {
    login_key: String,
    origin_key: String,
    at: NaiveDateTime,
    /// Whether an earlier login of this user set the device token that the client sent.
    pub device_is_known: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ThrottleError {
    #[error(transparent)]
    TooManyFailures(#[from] TooManyFailures),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many wrong passwords, retry in {} s", wait.as_secs())]
pub struct TooManyFailures {
    /// Until the next attempt is admitted. Whole seconds, at least one.
    pub wait: Duration,
}

impl Throttle {
    /// Only a keyed hash of the login name is stored: it may be a password typed into the wrong field.
    pub fn new(secret: &SecretString) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes()),
            permits: KeyedSemaphore::new(CONCURRENT_CHECKS),
        }
    }

    /// Identifies a login name in the table of failures.
    pub fn login_key(&self, name: &str) -> String {
        BASE64_URL_SAFE_NO_PAD
            .encode(hmac::sign(&self.key, format!("password failures of {name}").as_bytes()))
    }

    pub fn attempt(&self, name: &str, client: &ClientInfo) -> LoginAttempt {
        LoginAttempt { login_key: self.login_key(name), network: network(client), device: device(client) }
    }

    /// Waits until this server checks fewer than [`CONCURRENT_CHECKS`] passwords for this login name and origin. Without
    /// the wait, concurrent attempts with the correct password would be rejected.
    pub async fn permit(&self, attempt: &LoginAttempt) -> KeyedPermit {
        let origin_key = attempt.device.as_ref().unwrap_or(&attempt.network);
        self.permits.acquire(format!("{} {origin_key}", attempt.login_key)).await
    }
}

impl LoginAttempt {
    /// Whether an earlier login of this user set the device token that the client sent.
    pub fn is_on_known_device(
        &self,
        connection: &mut AnyConnection,
        user: Option<UserId>,
    ) -> Result<bool, StoreError> {
        match &self.device {
            Some(device) => known_origins::is_known(connection, user, device),
            None => Ok(false),
        }
    }

    /// Admits or rejects the attempt. Writes nothing, so that a rejection is cheap.
    pub fn check(
        self,
        connection: &mut AnyConnection,
        user: Option<UserId>,
        now: DateTime<Utc>,
    ) -> Result<AdmittedAttempt, ThrottleError> {
        let device_is_known = self.is_on_known_device(connection, user)?;
        let Self { login_key, network, device } = self;
        // A known device has its own count, so that others in the same network cannot use it up.
        let origin_key = device.filter(|_| device_is_known).unwrap_or(network);
        let counts = password_failures::find(connection, &login_key, &origin_key)?;
        let attempt = AdmittedAttempt { login_key, origin_key, at: now.naive_utc(), device_is_known };
        attempt.admit(counts)?;
        Ok(attempt)
    }
}

impl AdmittedAttempt {
    /// Counts the attempt as a failure in advance, so that a thousand concurrent attempts are not all admitted. Rejects it
    /// if others were counted since the check. The transaction must be committed before the password or code is compared.
    pub fn reserve(&self, connection: &mut AnyConnection) -> Result<(), ThrottleError> {
        let counts = password_failures::lock(connection, &self.login_key, &self.origin_key)?;
        let Counts { everywhere, here } = self.admit(counts)?;
        let (everywhere, here) = (increment(everywhere, self.at), increment(here, self.at));
        Ok(password_failures::set(connection, &self.login_key, &self.origin_key, everywhere, here)?)
    }

    /// The password was correct: takes the attempt back from the count for all origins, and forgets the failures at this
    /// origin. If there is a user, the transaction must have locked their row.
    pub fn clear(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        let (login_key, origin_key) = (&self.login_key, &self.origin_key);
        let everywhere = password_failures::lock(connection, login_key, origin_key)?.everywhere;
        // A later period does not contain this attempt.
        let rest = everywhere
            .map(|all| Failures { count: all.count - i32::from(all.first_at <= self.at), ..all })
            .filter(|rest| rest.count > 0);
        match rest {
            Some(rest) => {
                password_failures::set_everywhere(connection, login_key, rest)?;
                password_failures::forget_here(connection, login_key, origin_key)
            }
            None => password_failures::forget(connection, login_key, origin_key),
        }
    }

    /// The failures that still count, unless they forbid the attempt.
    fn admit(&self, counts: Counts) -> Result<Counts, TooManyFailures> {
        let everywhere = counts.everywhere.filter(|all| is_within(FAILURE_PERIOD, all.first_at, self.at));
        match everywhere {
            Some(all) if all.count >= FAILURES_AT_ALL_ORIGINS && !self.device_is_known => {
                Err(TooManyFailures::until(all.first_at + FAILURE_PERIOD, self.at))
            }
            Some(_) | None => Ok(Counts { everywhere, here: recent_failures(counts.here, self.at)? }),
        }
    }
}

/// Rejects another attempt after this many failures in a row, until the wait after the last one has passed.
pub fn check_failures_in_a_row(
    count: i32,
    last_at: NaiveDateTime,
    now: NaiveDateTime,
) -> Result<(), TooManyFailures> {
    let until = wait(count).filter(|_| now - last_at > -CLOCK_SKEW).map(|wait| last_at + wait);
    match until.filter(|until| now < *until) {
        Some(until) => Err(TooManyFailures::until(until, now)),
        None => Ok(()),
    }
}

impl TooManyFailures {
    fn until(until: NaiveDateTime, now: NaiveDateTime) -> Self {
        let seconds = (until - now + TimeDelta::milliseconds(999)).num_seconds().max(1);
        Self { wait: Duration::from_secs(seconds.unsigned_abs()) }
    }
}

/// Remembers the device of a login. The transaction must have locked the user's row.
///
/// Networks are not remembered: others in them would be treated like the user, and could observe the difference.
pub fn remember_origin(
    connection: &mut AnyConnection,
    user: UserId,
    client: &ClientInfo,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    match device(client) {
        Some(device) => known_origins::remember(connection, user, &device, now),
        None => Ok(()),
    }
}

/// The stored failures that still count, unless they require a wait.
fn recent_failures(
    stored: Option<Failures>,
    now: NaiveDateTime,
) -> Result<Option<Failures>, TooManyFailures> {
    let recent = stored.filter(|stored| is_within(QUIET_PERIOD, stored.last_at, now));
    let until = recent.and_then(|recent| Some(recent.last_at + wait(recent.count)?));
    match until.filter(|until| now < *until) {
        Some(until) => Err(TooManyFailures::until(until, now)),
        None => Ok(recent),
    }
}

fn is_within(period: TimeDelta, then: NaiveDateTime, now: NaiveDateTime) -> bool {
    (-CLOCK_SKEW..period).contains(&(now - then))
}

fn increment(failures: Option<Failures>, now: NaiveDateTime) -> Failures {
    let failures = failures.unwrap_or(Failures { count: 0, first_at: now, last_at: now });
    // A concurrent attempt may have read the clock later and been counted first.
    Failures {
        count: failures.count.saturating_add(1),
        first_at: failures.first_at.min(now),
        last_at: failures.last_at.max(now),
    }
}

/// The wait after this many failures: 1, 2, 4 … 60 seconds. `None` instead of zero, because a zero wait would still reject
/// attempts of a server whose clock is behind.
fn wait(failures: i32) -> Option<TimeDelta> {
    let doublings = u32::try_from(failures - FREE_FAILURES).ok()?;
    Some(TimeDelta::seconds(1 << doublings.min(6)).min(LONGEST_WAIT))
}

fn network(client: &ClientInfo) -> String {
    client.ip.map_or_else(|| "unknown".to_owned(), |ip| ClientSubnet::from(ip).to_string())
}

fn device(client: &ClientInfo) -> Option<String> {
    client.device.as_ref().map(|device| format!("device:{}", device.hash()))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use crate::domain::passwords::throttle::{increment, recent_failures, wait};

    #[test]
    fn waits_double_up_to_a_minute() {
        let seconds = |failures| wait(failures).map_or(0, |wait| wait.num_seconds());
        let waits: Vec<i64> = (3..14).map(seconds).collect();
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn an_attempt_that_is_counted_out_of_order_does_not_wait_and_does_not_move_the_last_failure_back() {
        let now = DateTime::UNIX_EPOCH.naive_utc();
        let later = now + TimeDelta::milliseconds(1);
        let recent = recent_failures(Some(increment(None, later)), now).unwrap();
        let both = increment(recent, now);
        assert_eq!((both.count, both.first_at, both.last_at), (2, now, later));
    }
}
