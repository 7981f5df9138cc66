//! What was revoked while access tokens are about that know nothing of it: kept in memory, and asked at every validation.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::claims::AccessClaims;
use crate::error::TokenError;

/// What was revoked, as far as has been heard. Clones share it.
#[derive(Clone, Default)]
pub struct Revocations {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    lists: RwLock<Lists>,
    max_age: Option<Duration>,
}

/// By the number that a UUID is.
type ById<T> = HashMap<u128, T, BuildHasherDefault<IdHasher>>;

/// The auth server chose these ids, at random: nobody else puts them on the list, so that nothing stronger is needed than to
/// spread those that an import has brought along.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, id: u128) {
        /// Odd, and with its bits well mixed: 2^64 divided by the golden ratio.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let folded = u64::try_from(id >> 64).unwrap_or_default()
            ^ u64::try_from(id & u128::from(u64::MAX)).unwrap_or_default();
        self.0 = folded.wrapping_mul(SPREAD).rotate_left(32);
    }
}

/// Each with the time until which it matters, in seconds since 1970.
#[derive(Default)]
struct Lists {
    sessions: ById<i64>,
    users: ById<(i64, i64)>,
    keys: HashMap<String, i64>,
    updated_at: Option<DateTime<Utc>>,
    /// The same by a clock that nobody sets back.
    heard: Option<Instant>,
}

/// What the auth server answers at `/revocations`, as JSON: `{cursor, snapshot, sessions, users, keys}`.
#[derive(Debug, Deserialize)]
pub struct RevocationPage {
    /// For the next call.
    pub cursor: String,
    /// Whether this is all there is.
    pub snapshot: bool,
    sessions: Vec<RevokedSession>,
    users: Vec<RevokedUser>,
    keys: Vec<RevokedKey>,
}

#[derive(Debug, Deserialize)]
struct RevokedSession {
    #[serde(deserialize_with = "id")]
    sid: u128,
    until: DateTime<Utc>,
}

#[derive(Debug, Deserialize)]
struct RevokedUser {
    #[serde(deserialize_with = "id")]
    sub: u128,
    uv: i64,
    until: DateTime<Utc>,
}

#[derive(Debug, Deserialize)]
struct RevokedKey {
    kid: String,
    until: DateTime<Utc>,
}

impl Revocations {
    /// Nothing has been heard yet. With `max_age` no token is believed while the last news is older.
    #[must_use]
    pub fn new(max_age: Option<Duration>) -> Self {
        Self { shared: Arc::new(Shared { lists: RwLock::default(), max_age }) }
    }

    /// How many sessions, people and keys are on the lists.
    #[must_use]
    pub fn len(&self) -> usize {
        let lists = self.read();
        lists.sessions.len() + lists.users.len() + lists.keys.len()
    }

    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the auth server last said that this is all; `None` before the first time.
    #[must_use]
    pub fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.read().updated_at
    }

    /// Whether the last news is so old that no token is to be believed any more.
    #[must_use]
    pub fn exceeds_max_age(&self, now: DateTime<Utc>) -> bool {
        self.read().exceeds_max_age(self.shared.max_age, now)
    }

    /// Whether tokens that this key signed are not to be believed.
    pub(crate) fn check_key(&self, kid: Option<&str>, now: DateTime<Utc>) -> Result<(), TokenError> {
        let lists = self.read();
        let until = kid.and_then(|kid| lists.keys.get(kid));
        if until.is_some_and(|until| now.timestamp() < *until) { Err(TokenError::RetiredKey) } else { Ok(()) }
    }

    /// Whether a token that is good in itself is still wanted. No times are compared but those of the list itself.
    ///
    /// # Errors
    /// Its session has ended, its person has changed since, or nothing was heard for too long.
    pub fn check<C>(&self, claims: &AccessClaims<C>, now: DateTime<Utc>) -> Result<(), TokenError> {
        let lists = self.read();
        // Ids of the auth server are UUIDs: whatever else a token names cannot be on the lists.
        let of = |text: &str| Uuid::try_parse(text).ok().map(|id| id.as_u128());
        let matters = |until: i64| now.timestamp() < until;
        let session = of(&claims.sid).and_then(|sid| lists.sessions.get(&sid));
        if session.is_some_and(|until| matters(*until)) {
            return Err(TokenError::SessionEnded);
        }
        let user = of(&claims.sub).and_then(|sub| lists.users.get(&sub));
        if user.is_some_and(|(uv, until)| claims.uv < *uv && matters(*until)) {
            return Err(TokenError::Stale);
        }
        if lists.exceeds_max_age(self.shared.max_age, now) {
            Err(TokenError::RevocationsTooOld)
        } else {
            Ok(())
        }
    }

    /// Takes in what was heard at `now`. [`RevocationFeed`](crate::revocation_feed::RevocationFeed) does so by itself.
    pub fn apply(&self, page: RevocationPage, now: DateTime<Utc>) {
        let mut lists = self.write();
        if page.snapshot {
            *lists = Lists {
                sessions: ById::with_capacity_and_hasher(page.sessions.len(), BuildHasherDefault::default()),
                users: ById::with_capacity_and_hasher(page.users.len(), BuildHasherDefault::default()),
                ..Lists::default()
            };
        }
        for RevokedSession { sid, until } in page.sessions {
            lists.sessions.insert(sid, until.timestamp());
        }
        for RevokedUser { sub, uv, until } in page.users {
            let entry = lists.users.entry(sub).or_insert((uv, until.timestamp()));
            *entry = (entry.0.max(uv), entry.1.max(until.timestamp()));
        }
        for RevokedKey { kid, until } in page.keys {
            lists.keys.insert(kid, until.timestamp());
        }
        lists.updated_at = Some(now);
        lists.heard = Some(Instant::now());
    }

    /// Drops what matters no longer.
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

impl Lists {
    fn exceeds_max_age(&self, max_age: Option<Duration>, now: DateTime<Utc>) -> bool {
        let Some(max_age) = max_age else { return false };
        let (Some(updated_at), Some(heard)) = (self.updated_at, self.heard) else { return true };
        // A clock that was set back makes nothing younger, and shuts nobody out.
        heard.elapsed().max((now - updated_at).to_std().unwrap_or_default()) > max_age
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

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    Uuid::try_parse(&text).map(|id| id.as_u128()).map_err(serde::de::Error::custom)
}
