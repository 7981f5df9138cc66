//! New events, as they are committed.
//!
//! An id is assigned before the commit, so an event can appear after one with a greater id. A reader therefore keeps the gaps
//! between the ids that it has received, and looks for their events until no transaction can be that old.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep_until};

use crate::domain::context::Context;
use crate::domain::event_listeners::TooManyListeners;
use crate::model::{EndReason, Event, InvalidCursor, Session};
use crate::store::events::{self, Filter, LATEST_COMMIT};
use crate::store::{AnyConnection, StoreError, sessions, users};

const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Ids among which the first gaps are looked for.
const RECENT_IDS: i64 = 200;
/// Each takes some twenty characters of the cursor.
const MAX_GAPS: usize = 64;

/// Which events a reader has received: those up to an id, without some gaps. As text, the `cursor` of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    up_to: i64,
    /// In ascending order.
    gaps: Vec<Gap>,
}

/// Ids of events that were not committed yet, or never will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    from: i64,
    to: i64,
    /// Unix time at which a later id was seen.
    since: i64,
}

/// New events, in the order of their ids.
pub struct NewEvents {
    pub events: Vec<Event>,
    pub received: Received,
    /// Whether there may be more now, because as many were read as requested.
    pub has_more: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("the session has ended: {0}")]
    SessionEnded(EndReason),
    #[error("the user is no longer an administrator")]
    NotAdministrator,
    #[error(transparent)]
    TooMany(#[from] TooManyListeners),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The events after `received` that match, as soon as there are any, or none after `wait`. Holds no connection while it waits.
/// Fails as soon as the session ends or the user is no longer an administrator.
pub async fn listen(
    context: &Context,
    session: &Session,
    filter: Filter,
    mut received: Received,
    limit: i64,
    wait: Duration,
) -> Result<NewEvents, ListenError> {
    let _listener = match wait {
        Duration::ZERO => None,
        _ => Some(context.event_listeners.add(session.user_id)?),
    };
    let until = Instant::now() + wait;
    loop {
        let (session, filter, now) = (session.clone(), filter.clone(), context.now());
        let read = move |connection: &mut AnyConnection| {
            check(connection, &session, now)?;
            Ok::<_, ListenError>(received.next(connection, &filter, limit, now)?)
        };
        let new = context.database.run(read).await?;
        if !new.events.is_empty() || Instant::now() >= until {
            return Ok(new);
        }
        received = new.received;
        if !new.has_more {
            sleep_until(until.min(Instant::now() + CHECK_INTERVAL)).await;
        }
    }
}

/// Whether the session of a request is still that of an administrator.
pub(super) fn check(
    connection: &mut AnyConnection,
    session: &Session,
    now: DateTime<Utc>,
) -> Result<(), ListenError> {
    let ended = |reason| Err(ListenError::SessionEnded(reason));
    let Some(current) = sessions::by_id(connection, session.id)? else { return ended(EndReason::Unknown) };
    if let Some(end) = current.ended {
        return ended(end.reason);
    }
    if current.expires_at <= now {
        return ended(EndReason::Expired);
    }
    match users::by_id(connection, session.user_id)? {
        None => ended(EndReason::UserDeleted),
        Some(user) if user.disabled_at.is_some() => ended(EndReason::UserDisabled),
        Some(user) if !user.is_administrator() => Err(ListenError::NotAdministrator),
        Some(_) => Ok(()),
    }
}

impl Received {
    /// All events that are committed now.
    pub fn all(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let ids = events::newest_ids(connection, RECENT_IDS)?;
        let first = ids.first().map_or(0, |first| first - 1);
        let mut all = Self { up_to: first, gaps: Vec::new() };
        all.add(ids, now);
        Ok(all)
    }

    pub fn contains(&self, id: i64) -> bool {
        id <= self.up_to && !self.gaps.iter().any(|gap| gap.from <= id && id <= gap.to)
    }

    /// Up to `limit` new events, and those of the gaps.
    fn next(
        mut self,
        connection: &mut AnyConnection,
        filter: &Filter,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<NewEvents, StoreError> {
        let gaps: Vec<_> = self.gaps.iter().map(|gap| (gap.from, gap.to)).collect();
        let mut found = events::within(connection, &gaps, limit)?;
        self.gaps = self.gaps.iter().flat_map(|gap| gap.without(found.iter().map(|(id, _)| *id))).collect();
        let new = events::after(connection, self.up_to, limit)?;
        if new.is_empty() {
            self.restart_if_restored(connection)?;
        }
        let is_full = |rows: usize| i64::try_from(rows).is_ok_and(|count| count == limit);
        let has_more = is_full(found.len()) || is_full(new.len());
        self.add(new.iter().map(|(id, _)| *id), now);
        found.extend(new);
        let is_open = |gap: &Gap| now.timestamp() - gap.since <= LATEST_COMMIT.num_seconds();
        self.gaps.retain(is_open);
        let events = found.into_iter().filter_map(|(_, event)| event).filter(|event| filter.matches(event));
        Ok(NewEvents { events: events.collect(), received: self, has_more })
    }

    /// In ascending order, above `up_to`.
    fn add(&mut self, ids: impl IntoIterator<Item = i64>, now: DateTime<Utc>) {
        for id in ids {
            if id > self.up_to + 1 {
                self.gaps.push(Gap { from: self.up_to + 1, to: id - 1, since: now.timestamp() });
            }
            self.up_to = id;
        }
        // Failed logins with unknown names leave many gaps that are never filled.
        let excess = self.gaps.len().saturating_sub(MAX_GAPS);
        self.gaps.drain(..excess);
    }

    /// The ids begin again below these after the restore of a backup.
    fn restart_if_restored(&mut self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        if let Some(newest) = events::newest_ids(connection, 1)?.pop().filter(|newest| *newest < self.up_to) {
            *self = Self { up_to: newest, gaps: Vec::new() };
        }
        Ok(())
    }
}

impl Gap {
    /// What is left of the gap without the ids, which are in ascending order.
    fn without(self, ids: impl Iterator<Item = i64>) -> Vec<Self> {
        let mut rest = Vec::new();
        let mut from = self.from;
        for id in ids.filter(|id| self.from <= *id && *id <= self.to) {
            rest.push(Self { from, to: id - 1, ..self });
            from = id + 1;
        }
        rest.push(Self { from, ..self });
        rest.retain(|gap| gap.from <= gap.to);
        rest
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = |gap: &Gap| format!(" {}-{}@{}", gap.from, gap.to, gap.since);
        let text = format!("{}{}", self.up_to, self.gaps.iter().map(gap).collect::<String>());
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(text))
    }
}

impl FromStr for Received {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        parse(text).filter(|received| received.to_string() == text).ok_or(InvalidCursor)
    }
}

fn parse(text: &str) -> Option<Received> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let mut parts = text.split(' ');
    let up_to: i64 = parts.next()?.parse().ok()?;
    let mut gaps = Vec::new();
    let mut before = -1;
    for part in parts {
        let (ids, since) = part.split_once('@')?;
        let (from, to) = ids.split_once('-')?;
        let gap = Gap { from: from.parse().ok()?, to: to.parse().ok()?, since: since.parse().ok()? };
        let is_gap = before < gap.from && gap.from <= gap.to && gap.to < up_to;
        before = gap.to;
        gaps.push(Some(gap).filter(|_| is_gap)?);
    }
    Some(Received { up_to, gaps }).filter(|received| received.gaps.len() <= MAX_GAPS && up_to >= 0)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use test_support::TestDatabase;

    use crate::domain::events::new::*;
    use crate::store::Database;

    fn db_insert(test: &TestDatabase, id: i64) {
        test.db_execute(&format!(
            "INSERT INTO events (id, at, type) VALUES ({id}, '2030-01-01 00:00:00', 'registered')"
        ));
    }

    async fn next(database: &Database, received: &str, seconds: i64) -> (usize, String) {
        let received: Received = received.parse().expect("a cursor");
        let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let read =
            move |connection: &mut AnyConnection| received.next(connection, &Filter::default(), 100, now);
        let new = database.run(read).await.expect("events");
        (new.events.len(), new.received.to_string())
    }

    async fn all(database: &Database) -> String {
        let all = database.run(|connection| Received::all(connection, DateTime::UNIX_EPOCH)).await;
        all.expect("a cursor").to_string()
    }

    #[tokio::test]
    async fn an_event_that_is_committed_late_is_received_once() {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        db_insert(&test, 10);
        db_insert(&test, 13);
        let cursor = all(&database).await;
        for (late, seconds) in [(12, 0), (11, 60)] {
            let (count, cursor) = next(&database, &cursor, seconds).await;
            assert_eq!(count, 0, "the present events are not new");
            db_insert(&test, late);
            let (count, cursor) = next(&database, &cursor, seconds).await;
            assert_eq!(count, 1);
            assert_eq!(next(&database, &cursor, seconds).await.0, 0);
            test.db_execute(&format!("DELETE FROM events WHERE id = {late}"));
        }
        db_insert(&test, 20);
        let (count, cursor) = next(&database, &cursor, 30).await;
        assert_eq!(count, 1);
        for id in [15, 17, 19, 21] {
            db_insert(&test, id);
        }
        let (count, cursor) = next(&database, &cursor, 80).await;
        assert_eq!(count, 4);
        db_insert(&test, 18);
        let (count, cursor) = next(&database, &cursor, 85).await;
        assert_eq!(count, 1, "the rest of a gap stays open");
        // No transaction is that old.
        let (_, cursor) = next(&database, &cursor, 91).await;
        assert!(!cursor.parse::<Received>().unwrap().gaps.iter().any(|gap| gap.from < 20));
    }

    #[tokio::test]
    async fn after_a_restore_new_events_have_lower_ids() {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        db_insert(&test, 5);
        let cursor = Received { up_to: 100, gaps: Vec::new() }.to_string();
        let (count, cursor) = next(&database, &cursor, 0).await;
        assert_eq!(count, 0);
        db_insert(&test, 6);
        assert_eq!(next(&database, &cursor, 0).await.0, 1);
    }

    #[test]
    fn a_cursor_is_read_in_its_own_form_only() {
        let received = Received { up_to: 20, gaps: vec![Gap { from: 3, to: 5, since: 7 }] };
        assert_eq!(received.to_string().parse::<Received>().unwrap(), received);
        for text in [
            "",
            "x",
            "-1",
            "+5",
            "20 3-5",
            "20 5-3@1",
            "20 3-5@1 4-6@1",
            "20 3-20@1",
            "20  3-5@1",
            "20 3-5@x",
        ] {
            assert!(BASE64_URL_SAFE_NO_PAD.encode(text).parse::<Received>().is_err(), "{text}");
        }
    }

    #[test]
    fn gaps_do_not_make_a_cursor_endless() {
        let mut received = Received { up_to: 0, gaps: Vec::new() };
        received.add((1..10_000).map(|id| id * 2), DateTime::UNIX_EPOCH);
        assert!(received.to_string().len() < 3000 && received.to_string().parse::<Received>().is_ok());
    }
}
