//! The revocation feed: tells resource servers about revoked sessions, users and keys while tokens issued earlier have not
//! expired yet.
//!
//! Each server caches the whole feed and polls the database a few times a second. So a revocation by one server reaches the
//! listeners of the others, and a thousand listeners cost no more statements than one.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use crate::model::Revocation;
use crate::store::revocations::{self, Counter, Cutoffs, StoredRevocation};
use crate::store::{Database, StoreError};

/// How long a listener may wait for a revocation by another server. One by this server is sent immediately.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// Polling stops when there was no listener for this long.
const IDLE_AFTER: Duration = Duration::from_secs(60);
/// A listener never gets a response from an older cache.
const MAX_CACHE_AGE: Duration = Duration::from_secs(2);
/// How often a cursor may start a new epoch, which every listener pays for with a snapshot. In between, such a cursor gets a
/// snapshot of the current epoch.
const EPOCH_INTERVAL: Duration = Duration::from_secs(10);
/// `ACCESS_TOKEN_TTL` may have been shortened: tokens issued before keep their lifetime.
const MIN_TOKEN_LIFE: TimeDelta = TimeDelta::hours(1);
/// Added to the lifetime of a token: a refresh may sign its token a moment after the revocation, validators allow a few
/// seconds of leeway, and clocks differ.
const MARGIN: TimeDelta = TimeDelta::seconds(90);
/// A thief of a key can sign new tokens, so a retired key stays in the feed until no cache has the old key set.
const KEY_RETENTION: TimeDelta = TimeDelta::days(1);

/// The revocations of all servers.
pub struct RevocationFeed {
    /// How long an access token may be valid after its revocation.
    token_life: TimeDelta,
    cache: Mutex<Cache>,
    changed: watch::Sender<()>,
    notified: Notify,
    /// Held while the database is read.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Cache {
    counter: Option<Counter>,
    /// The revocation with the number of the counter.
    newest: Option<StoredRevocation>,
    revocations: VecDeque<StoredRevocation>,
    read_at: Option<Instant>,
    last_listener_at: Option<Instant>,
    /// When a cursor last started an epoch.
    epoch_started_at: Option<Instant>,
}

/// What a listener has received: `EPOCH.SEQ`. A new epoch invalidates all cursors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    epoch: String,
    seq: i64,
}

#[derive(Debug, thiserror::Error)]
#[error("is not the cursor of a response")]
pub struct InvalidCursor;

/// What a listener receives.
pub struct Page {
    /// For the next request.
    pub cursor: Cursor,
    /// The page is the whole feed and replaces what the listener has.
    pub is_snapshot: bool,
    /// Each revocation, and when the tokens that it concerns have expired.
    pub entries: Vec<(Revocation, DateTime<Utc>)>,
}

impl RevocationFeed {
    /// `token_life`: the lifetime of access tokens.
    pub fn new(token_life: TimeDelta) -> Self {
        Self {
            token_life: token_life.max(MIN_TOKEN_LIFE) + MARGIN,
            cache: Mutex::default(),
            changed: watch::Sender::new(()),
            notified: Notify::new(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Polls immediately, because this server has committed a revocation.
    pub fn notify(&self) {
        self.notified.notify_one();
    }

    /// Polls the database while there are listeners. Runs until it is dropped.
    pub async fn poll(&self, database: &Database) {
        loop {
            tokio::select! {
                () = self.notified.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
            if self.clear_if_idle() {
                continue;
            }
            let _guard = self.reading.lock().await;
            if let Err(error) = self.read(database).await {
                log::warn!("cannot read the revocations: {error}");
            }
        }
    }

    /// Without listeners the cache is dropped: by the next request the database may have been restored.
    fn clear_if_idle(&self) -> bool {
        // Under one lock, or a listener that arrives in between would get a part of the feed.
        let mut cache = self.cache();
        let is_idle = cache.last_listener_at.is_none_or(|at| at.elapsed() >= IDLE_AFTER);
        if is_idle {
            *cache = Cache { epoch_started_at: cache.epoch_started_at, ..Cache::default() };
        }
        is_idle
    }

    /// The revocations after `after`, as soon as there are any, or an empty page after `wait`. Without a cursor of the
    /// current epoch: the whole feed, immediately.
    ///
    /// # Errors
    /// The database failed. The listener must not assume that nothing was revoked.
    pub async fn listen(
        &self,
        database: &Database,
        after: Option<&Cursor>,
        wait: Duration,
        now: DateTime<Utc>,
    ) -> Result<Page, StoreError> {
        let mut changed = self.changed.subscribe();
        let until = Instant::now() + wait;
        self.cache().last_listener_at = Some(Instant::now());
        if let Some(after) = after.filter(|after| !self.has_reached(after)) {
            self.catch_up(database, after).await?;
        }
        let mut has_waited = false;
        loop {
            // After the wait too: an empty page must be as recent as any other.
            self.read_if_stale(database).await?;
            let page = self.page(after, now);
            if has_waited || page.is_snapshot || !page.entries.is_empty() {
                return Ok(page);
            }
            has_waited = timeout_at(until, changed.changed()).await.is_err();
        }
    }

    fn has_reached(&self, cursor: &Cursor) -> bool {
        let cache = self.cache();
        cache.counter.as_ref().is_some_and(|known| known.epoch == cursor.epoch && cursor.seq <= known.seq)
    }

    /// For a cursor ahead of the cache: another server may have read more. If the database has no more either, it was
    /// restored, and a new epoch makes every listener start with a snapshot.
    async fn catch_up(&self, database: &Database, cursor: &Cursor) -> Result<(), StoreError> {
        let _guard = self.lock_reading().await?;
        self.read(database).await?;
        let counter = self.cache().counter.clone();
        let behind = counter.filter(|known| known.epoch == cursor.epoch && known.seq < cursor.seq);
        if let Some(Counter { epoch, .. }) = behind.filter(|_| self.may_start_epoch()) {
            begin_epoch(database, epoch).await?;
            self.read(database).await?;
        }
        Ok(())
    }

    fn may_start_epoch(&self) -> bool {
        let mut cache = self.cache();
        let may_start = cache.epoch_started_at.is_none_or(|at| at.elapsed() >= EPOCH_INTERVAL);
        if may_start {
            cache.epoch_started_at = Some(Instant::now());
        }
        may_start
    }

    /// One of many concurrent listeners reads, and the others wait for it.
    async fn read_if_stale(&self, database: &Database) -> Result<(), StoreError> {
        if self.is_recent() {
            return Ok(());
        }
        let _guard = self.lock_reading().await?;
        if self.is_recent() { Ok(()) } else { self.read(database).await }
    }

    async fn lock_reading(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, StoreError> {
        timeout(MAX_CACHE_AGE, self.reading.lock()).await.map_err(|_| StoreError::Timeout)
    }

    /// When the tokens that a revocation concerns have expired.
    fn until(&self, stored: &StoredRevocation) -> DateTime<Utc> {
        let retention = match stored.revocation {
            Revocation::Session(_) | Revocation::User(..) => self.token_life,
            Revocation::Key(_) => self.key_retention(),
        };
        stored.at + retention
    }

    fn key_retention(&self) -> TimeDelta {
        self.token_life.max(KEY_RETENTION)
    }

    /// Which revocations can be purged from the database.
    pub fn expired_before(&self, now: DateTime<Utc>) -> Cutoffs {
        Cutoffs { all: now - self.token_life, keys: now - self.key_retention() }
    }

    /// Removes expired revocations from the cache.
    pub fn forget_expired(&self, now: DateTime<Utc>) {
        self.cache().revocations.retain(|stored| self.until(stored) > now);
    }

    fn page(&self, after: Option<&Cursor>, now: DateTime<Utc>) -> Page {
        let cache = self.cache();
        let counter = cache.counter.clone().unwrap_or_else(|| Counter { epoch: String::new(), seq: 0 });
        // A cursor ahead of the counter was issued before a restore.
        let after = after.filter(|after| after.epoch == counter.epoch && after.seq <= counter.seq);
        let received = after.map_or(i64::MIN, |after| after.seq);
        let first = cache.revocations.partition_point(|stored| stored.seq <= received);
        let new =
            cache.revocations.range(first..).map(|stored| (stored.revocation.clone(), self.until(stored)));
        Page {
            entries: new.filter(|(_, until)| *until > now).collect(),
            is_snapshot: after.is_none(),
            cursor: Cursor { epoch: counter.epoch, seq: counter.seq },
        }
    }

    /// Reads new revocations and wakes the listeners. Requires the lock `reading`.
    async fn read(&self, database: &Database) -> Result<(), StoreError> {
        let started = Instant::now();
        let known = {
            let cache = self.cache();
            cache.counter.clone().map(|counter| (counter, cache.newest.clone()))
        };
        let Some((known, newest)) = known else {
            // Nothing is known about the database since the last read, so every listener starts with a snapshot.
            let counter = database.run(revocations::counter).await?;
            begin_epoch(database, counter.epoch).await?;
            return self.read_all(database, started).await;
        };
        let from = known.seq;
        let (counter, mut read) =
            database.run(move |connection| revocations::since(connection, from)).await?;
        if counter.epoch != known.epoch {
            return self.read_all(database, started).await;
        }
        // The newest known revocation must be unchanged: after a restore its number may have been assigned again.
        let still_newest = read.first().filter(|first| first.seq == known.seq);
        if counter.seq < known.seq || still_newest != newest.as_ref() {
            log::warn!("the revocations have changed: the database was restored, or failed over");
            begin_epoch(database, counter.epoch).await?;
            return self.read_all(database, started).await;
        }
        read.retain(|stored| stored.seq > known.seq);
        self.store(counter, read, started, false);
        Ok(())
    }

    async fn read_all(&self, database: &Database, started: Instant) -> Result<(), StoreError> {
        let (counter, read) = database.run(|connection| revocations::since(connection, i64::MIN)).await?;
        self.store(counter, read, started, true);
        Ok(())
    }

    fn store(&self, counter: Counter, read: Vec<StoredRevocation>, started: Instant, replace: bool) {
        let mut cache = self.cache();
        if replace {
            cache.revocations.clear();
        }
        let has_changed = cache.counter.as_ref() != Some(&counter);
        if has_changed {
            cache.newest = read.last().filter(|last| last.seq == counter.seq).cloned();
        }
        cache.revocations.extend(read);
        cache.counter = Some(counter);
        cache.read_at = Some(started);
        drop(cache);
        if has_changed {
            self.changed.send_replace(());
        }
    }

    fn is_recent(&self) -> bool {
        self.cache().read_at.is_some_and(|read_at| read_at.elapsed() < MAX_CACHE_AGE)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn begin_epoch(database: &Database, old: String) -> Result<(), StoreError> {
    let new = Uuid::new_v4().simple().to_string();
    database.transaction(move |connection| revocations::start_epoch(connection, &old, &new)).await
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.seq)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (epoch, seq) = text.rsplit_once('.').ok_or(InvalidCursor)?;
        let seq = seq.parse().map_err(|_| InvalidCursor)?;
        let is_valid =
            !epoch.is_empty() && epoch.len() <= 64 && epoch.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_valid { Ok(Self { epoch: epoch.to_owned(), seq }) } else { Err(InvalidCursor) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tokio::time::Instant;

    use crate::domain::revocation_feed::{EPOCH_INTERVAL, RevocationFeed};

    #[test]
    fn a_cursor_may_start_an_epoch_once_per_interval() {
        let feed = RevocationFeed::new(TimeDelta::minutes(15));
        assert!(feed.may_start_epoch());
        assert!(!feed.may_start_epoch());
        feed.cache().epoch_started_at = Instant::now().checked_sub(EPOCH_INTERVAL);
        assert!(feed.may_start_epoch());
    }
}
