//! The revocation list: in memory, checked at every validation.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::claims::AccessClaims;
use crate::error::TokenError;

/// Revoked sessions, users and keys. Clones share the list.
#[derive(Clone, Default)]
pub struct Revocations {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    lists: RwLock<Lists>,
    max_age: Option<Duration>,
}

/// Each entry has its `until`, in seconds since 1970: by then the revoked tokens have expired.
#[derive(Default)]
struct Lists {
    sessions: HashMap<Uuid, i64>,
    /// The lowest valid `uv`, and `until`.
    users: HashMap<Uuid, (i64, i64)>,
    keys: HashMap<String, i64>,
    /// The last update by the injected clock, and by the monotonic one.
    updated: Option<(DateTime<Utc>, Instant)>,
}

/// The list while it cannot change.
pub(crate) struct Revoked<'a> {
    lists: RwLockReadGuard<'a, Lists>,
    max_age: Option<Duration>,
}

/// A response of `GET /revocations`.
#[derive(Debug, Deserialize)]
pub struct RevocationPage {
    /// The position in the feed, for the next request.
    pub cursor: String,
    /// Whether the page is the complete list.
    pub snapshot: bool,
    sessions: Vec<RevokedSession>,
    users: Vec<RevokedUser>,
    keys: Vec<RevokedKey>,
}

#[derive(Debug, Deserialize)]
struct RevokedSession {
    #[serde(deserialize_with = "id")]
    sid: Uuid,
    until: DateTime<Utc>,
}

#[derive(Debug, Deserialize)]
struct RevokedUser {
    #[serde(deserialize_with = "id")]
    sub: Uuid,
    uv: i64,
    until: DateTime<Utc>,
}

#[derive(Debug, Deserialize)]
struct RevokedKey {
    kid: String,
    until: DateTime<Utc>,
}

impl Revocations {
    /// An empty list. Every token is rejected before the first update and, with `max_age`, while the last one is older.
    #[must_use]
    pub fn new(max_age: Option<Duration>) -> Self {
        Self { shared: Arc::new(Shared { lists: RwLock::default(), max_age }) }
    }

    /// The number of revoked sessions, users and keys.
    #[must_use]
    pub fn len(&self) -> usize {
        let lists = self.read();
        lists.sessions.len() + lists.users.len() + lists.keys.len()
    }

    /// Whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The time of the last update; `None` before the first one.
    #[must_use]
    pub fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.read().updated.map(|(at, _)| at)
    }

    /// Whether the last update is older than `max_age`, so that every token is rejected.
    #[must_use]
    pub fn exceeds_max_age(&self, now: DateTime<Utc>) -> bool {
        self.read().exceed(self.shared.max_age, now)
    }

    /// Checks a token that is valid otherwise. Only `until` is compared with the time, never `iat`.
    ///
    /// # Errors
    /// [`TokenError::SessionEnded`], [`TokenError::Stale`], [`TokenError::NoRevocations`] or
    /// [`TokenError::RevocationsTooOld`].
    pub fn check<C>(&self, claims: &AccessClaims<C>, now: DateTime<Utc>) -> Result<(), TokenError> {
        self.lock().check(claims, now)
    }

    /// The list, which cannot change until the result is dropped. For several checks: each lock is memory that the processors
    /// contend for.
    pub(crate) fn lock(&self) -> Revoked<'_> {
        Revoked { lists: self.read(), max_age: self.shared.max_age }
    }

    /// Adds a page that was received at `now`; a snapshot replaces the list.
    /// [`RevocationFeed`](crate::revocation_feed::RevocationFeed) calls this.
    pub fn apply(&self, page: RevocationPage, now: DateTime<Utc>) {
        let mut lists = self.write();
        if page.snapshot {
            *lists = Lists {
                sessions: HashMap::with_capacity(page.sessions.len()),
                users: HashMap::with_capacity(page.users.len()),
                ..Lists::default()
            };
        }
        lists.sessions.extend(page.sessions.into_iter().map(|entry| (entry.sid, entry.until.timestamp())));
        for RevokedUser { sub, uv, until } in page.users {
            let entry = lists.users.entry(sub).or_insert((uv, until.timestamp()));
            *entry = (entry.0.max(uv), entry.1.max(until.timestamp()));
        }
        lists.keys.extend(page.keys.into_iter().map(|entry| (entry.kid, entry.until.timestamp())));
        lists.updated = Some((now, Instant::now()));
    }

    /// Removes the entries whose `until` has passed.
    pub fn remove_expired(&self, now: DateTime<Utc>) {
        let now = now.timestamp();
        let mut lists = self.write();
        lists.sessions.retain(|_, until| now < *until);
        lists.users.retain(|_, (_, until)| now < *until);
        lists.keys.retain(|_, until| now < *until);
    }

    fn read(&self) -> RwLockReadGuard<'_, Lists> {
        self.shared.lists.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Lists> {
        self.shared.lists.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Revoked<'_> {
    pub fn check_key(&self, kid: Option<&str>, now: DateTime<Utc>) -> Result<(), TokenError> {
        let until = kid.and_then(|kid| self.lists.keys.get(kid));
        if until.is_some_and(|until| now.timestamp() < *until) { Err(TokenError::RetiredKey) } else { Ok(()) }
    }

    /// See [`Revocations::check`].
    pub fn check<C>(&self, claims: &AccessClaims<C>, now: DateTime<Utc>) -> Result<(), TokenError> {
        let Self { lists, max_age } = self;
        let applies = |until: i64| now.timestamp() < until;
        if find(&lists.sessions, &claims.sid).is_some_and(|until| applies(*until)) {
            return Err(TokenError::SessionEnded);
        }
        let user = find(&lists.users, &claims.sub);
        if user.is_some_and(|(uv, until)| claims.uv < *uv && applies(*until)) {
            return Err(TokenError::Stale);
        }
        if lists.updated.is_none() {
            return Err(TokenError::NoRevocations);
        }
        if lists.exceed(*max_age, now) { Err(TokenError::RevocationsTooOld) } else { Ok(()) }
    }
}

/// The auth server's ids are UUIDs. An id that is not one cannot be revoked.
fn find<'a, T>(revoked: &'a HashMap<Uuid, T>, id: &str) -> Option<&'a T> {
    if revoked.is_empty() { None } else { revoked.get(&Uuid::try_parse(id).ok()?) }
}

impl Lists {
    fn exceed(&self, max_age: Option<Duration>, now: DateTime<Utc>) -> bool {
        let Some(max_age) = max_age else { return false };
        let Some((at, instant)) = self.updated else { return true };
        // If the clock is set back, the monotonic clock still measures the age.
        instant.elapsed().max((now - at).to_std().unwrap_or_default()) > max_age
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations")
            .field("len", &self.len())
            .field("updated_at", &self.updated_at())
            .finish_non_exhaustive()
    }
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    Uuid::try_parse(&text).map_err(serde::de::Error::custom)
}
