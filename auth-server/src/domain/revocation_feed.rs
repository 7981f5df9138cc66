//! What resource servers hear of while access tokens are about that know nothing of it.
//!
//! Each server has all of it in memory, and looks a few times a second whether the database has more: so an end on one server
//! reaches the listeners of the others, and a thousand listeners cost no more statements than one.

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

/// A listener hears within this of what another server did, and at once of what this one did.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Nobody has listened for so long: then nobody looks either.
const ASLEEP_AFTER: Duration = Duration::from_secs(60);
/// What was read longer ago is no answer.
const FRESH: Duration = Duration::from_secs(2);
/// `ACCESS_TOKEN_TTL` may just have been made shorter: tokens of before live for as long as they were signed for.
const LIFE_AT_LEAST: TimeDelta = TimeDelta::hours(1);
/// On top of the life of a token: a refresh that was decided just before is signed a moment later, validators grant a few
/// seconds, and clocks differ.
const MARGIN: TimeDelta = TimeDelta::seconds(90);
/// Whoever stole a key goes on making tokens: it stays on the list until every cache has long fetched the set without it.
const KEYS_FOR: TimeDelta = TimeDelta::days(1);

/// What was revoked, by all servers.
pub struct RevocationFeed {
    /// How long access tokens are reckoned with.
    token_life: TimeDelta,
    heard: Mutex<Heard>,
    news: watch::Sender<()>,
    nudge: Notify,
    looking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Heard {
    counter: Option<Counter>,
    /// What has the counter's number.
    newest: Option<StoredRevocation>,
    revocations: VecDeque<StoredRevocation>,
    looked_at: Option<Instant>,
    asked_at: Option<Instant>,
}

/// How much a listener knows: `EPOCH.SEQ`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    epoch: String,
    seq: i64,
}

/// The text is no cursor of ours.
#[derive(Debug, thiserror::Error)]
#[error("is not the cursor of an answer")]
pub struct InvalidCursor;

/// What a listener is told.
pub struct Page {
    /// How much it knows then.
    pub cursor: Cursor,
    /// Whether it is all there is, in place of whatever the listener knew.
    pub is_snapshot: bool,
    /// What was revoked, each with the time until which it matters.
    pub entries: Vec<(Revocation, DateTime<Utc>)>,
}

impl RevocationFeed {
    /// For access tokens that live so long.
    #[must_use]
    pub fn new(token_life: TimeDelta) -> Self {
        Self {
            token_life: token_life.max(LIFE_AT_LEAST) + MARGIN,
            heard: Mutex::default(),
            news: watch::Sender::new(()),
            nudge: Notify::new(),
            looking: tokio::sync::Mutex::default(),
        }
    }

    /// This server has revoked something: no need to wait until it looks.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// Looks again and again, for as long as it is polled and somebody listens.
    pub async fn poll(&self, database: &Database) {
        loop {
            tokio::select! {
                () = self.nudge.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if self.falls_asleep() {
                continue;
            }
            let _alone = self.looking.lock().await;
            if let Err(error) = self.look(database).await {
                log::warn!("revocations cannot be read: {error}");
            }
        }
    }

    /// Where nobody has asked for long, what was heard goes: the database may be another one when somebody asks again.
    fn falls_asleep(&self) -> bool {
        // Under one lock, or somebody who begins to ask in between would be told the half of it.
        let mut heard = self.heard();
        let is_asked = heard.asked_at.is_some_and(|asked| asked.elapsed() < ASLEEP_AFTER);
        if !is_asked {
            *heard = Heard::default();
        }
        !is_asked
    }

    /// What a listener does not know yet, as soon as there is something, or nothing when it has waited long enough. Without
    /// a cursor of this epoch: everything, at once.
    ///
    /// # Errors
    /// The database cannot be read, so that nothing can be said.
    pub async fn listen(
        &self,
        database: &Database,
        after: Option<&Cursor>,
        wait: Duration,
        now: DateTime<Utc>,
    ) -> Result<Page, StoreError> {
        let mut news = self.news.subscribe();
        let until = Instant::now() + wait;
        self.heard().asked_at = Some(Instant::now());
        if let Some(after) = after.filter(|after| !self.knows(after)) {
            self.look_for(database, after).await?;
        }
        let mut has_waited = false;
        loop {
            // Whoever waited in vain, too, is told so only if somebody has looked meanwhile.
            self.look_unless_fresh(database).await?;
            let page = self.page(after, now);
            if has_waited || page.is_snapshot || !page.entries.is_empty() {
                return Ok(page);
            }
            has_waited = timeout_at(until, news.changed()).await.is_err();
        }
    }

    /// Whether the cursor is one of those that this server has come by.
    fn knows(&self, cursor: &Cursor) -> bool {
        let heard = self.heard();
        heard.counter.as_ref().is_some_and(|known| known.epoch == cursor.epoch && cursor.seq <= known.seq)
    }

    /// For a listener who says to know more than we do: another server may be ahead of us. If none is, the database is not what
    /// it was, and all are to hear everything anew.
    async fn look_for(&self, database: &Database, cursor: &Cursor) -> Result<(), StoreError> {
        let _alone = self.alone().await?;
        self.look(database).await?;
        let counter = self.heard().counter.clone();
        let behind = counter.filter(|known| known.epoch == cursor.epoch && known.seq < cursor.seq);
        if let Some(Counter { epoch, .. }) = behind {
            begin_epoch(database, epoch).await?;
            self.look(database).await?;
        }
        Ok(())
    }

    /// Of many who ask at the same moment one looks, and the others wait for that.
    async fn look_unless_fresh(&self, database: &Database) -> Result<(), StoreError> {
        if self.is_fresh() {
            return Ok(());
        }
        let _alone = self.alone().await?;
        if self.is_fresh() { Ok(()) } else { self.look(database).await }
    }

    /// One at a time, unless that takes so long that whoever asks has given up.
    async fn alone(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, StoreError> {
        timeout(FRESH, self.looking.lock()).await.map_err(|_| StoreError::Timeout)
    }

    /// How long something that happened then matters.
    fn until(&self, stored: &StoredRevocation) -> DateTime<Utc> {
        let matters_for = match stored.revocation {
            Revocation::Session(_) | Revocation::User(..) => self.token_life,
            Revocation::Key(_) => self.keys_for(),
        };
        stored.at + matters_for
    }

    fn keys_for(&self) -> TimeDelta {
        self.token_life.max(KEYS_FOR)
    }

    /// What matters no longer: what happened before the first time, keys before the second.
    #[must_use]
    pub fn forgotten_before(&self, now: DateTime<Utc>) -> Cutoffs {
        Cutoffs { all: now - self.token_life, keys: now - self.keys_for() }
    }

    fn page(&self, after: Option<&Cursor>, now: DateTime<Utc>) -> Page {
        let heard = self.heard();
        let counter = heard.counter.clone().unwrap_or_else(|| Counter { epoch: String::new(), seq: 0 });
        // A cursor from the future is one of before a restore.
        let after = after.filter(|after| after.epoch == counter.epoch && after.seq <= counter.seq);
        let known = after.map_or(i64::MIN, |after| after.seq);
        let first = heard.revocations.partition_point(|stored| stored.seq <= known);
        let news =
            heard.revocations.range(first..).map(|stored| (stored.revocation.clone(), self.until(stored)));
        Page {
            entries: news.filter(|(_, until)| *until > now).collect(),
            is_snapshot: after.is_none(),
            cursor: Cursor { epoch: counter.epoch, seq: counter.seq },
        }
    }

    /// Reads what is new, and wakes the listeners. One at a time.
    async fn look(&self, database: &Database) -> Result<(), StoreError> {
        let begun = Instant::now();
        let known = {
            let heard = self.heard();
            heard.counter.clone().map(|counter| (counter, heard.newest.clone()))
        };
        let Some((known, newest)) = known else {
            // Whatever happened to the database while nobody of us was looking, everything is told anew.
            let counter = database.run(revocations::counter).await?;
            begin_epoch(database, counter.epoch).await?;
            return self.look_anew(database, begun).await;
        };
        let from = known.seq;
        let (counter, mut read) =
            database.run(move |connection| revocations::since(connection, from)).await?;
        if counter.epoch != known.epoch {
            return self.look_anew(database, begun).await;
        }
        // Numbers that were lost may have been given out again before anybody looked.
        let still_newest = read.first().filter(|first| first.seq == known.seq);
        if counter.seq < known.seq || still_newest != newest.as_ref() {
            log::warn!("revocations are not what they were: the database was restored, or failed over");
            begin_epoch(database, counter.epoch).await?;
            return self.look_anew(database, begun).await;
        }
        read.retain(|stored| stored.seq > known.seq);
        self.accept(counter, read, begun, false);
        Ok(())
    }

    async fn look_anew(&self, database: &Database, begun: Instant) -> Result<(), StoreError> {
        let (counter, read) = database.run(|connection| revocations::since(connection, i64::MIN)).await?;
        self.accept(counter, read, begun, true);
        Ok(())
    }

    fn accept(&self, counter: Counter, read: Vec<StoredRevocation>, begun: Instant, anew: bool) {
        let mut heard = self.heard();
        if anew {
            heard.revocations.clear();
        }
        let is_news = heard.counter.as_ref() != Some(&counter);
        if is_news {
            heard.newest = read.last().filter(|last| last.seq == counter.seq).cloned();
        }
        heard.revocations.extend(read);
        heard.counter = Some(counter);
        heard.looked_at = Some(begun);
        drop(heard);
        if is_news {
            self.news.send_replace(());
        }
    }

    /// Drops from memory what matters no longer.
    pub fn forget(&self, now: DateTime<Utc>) {
        self.heard().revocations.retain(|stored| self.until(stored) > now);
    }

    fn is_fresh(&self) -> bool {
        self.heard().looked_at.is_some_and(|looked_at| looked_at.elapsed() < FRESH)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
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
        let is_ours =
            !epoch.is_empty() && epoch.len() <= 64 && epoch.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_ours { Ok(Self { epoch: epoch.to_owned(), seq }) } else { Err(InvalidCursor) }
    }
}
