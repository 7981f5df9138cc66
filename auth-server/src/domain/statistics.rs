//! Numbers for administrators. Maintenance counts events and rows in the background, so that a request reads few rows.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use crate::domain::context::Context;
use crate::domain::events::{self, Filter};
use crate::model::{Event, EventType};
use crate::store::statistics::{self, EventCount, RowCount, Rows};
use crate::store::{AnyConnection, Database, StoreError};

const DAYS: u64 = 14;
const LATEST: i64 = 10;
/// Events that an administrator should see without a filter.
const NOTABLE: [EventType; 11] = [
    EventType::ReuseDetected,
    EventType::GenerationRestored,
    EventType::RolesChanged,
    EventType::UserDisabled,
    EventType::UserEnabled,
    EventType::UserDeleted,
    EventType::EmailChanged,
    EventType::PasswordReset,
    EventType::Invited,
    EventType::KeyMade,
    EventType::KeyRetired,
];
/// Rows are counted at most this often.
const MIN_PAUSE: TimeDelta = TimeDelta::seconds(60);
/// Counting takes at most this part of the time.
const PAUSE_PER_COST: u32 = 50;
/// After this time another server counts, or the same after a failure.
const RESERVATION: TimeDelta = TimeDelta::minutes(10);

pub struct Overview {
    /// The time of the oldest of the four numbers. `None` until they have been counted once.
    pub counted_at: Option<DateTime<Utc>>,
    pub users: Option<i64>,
    pub disabled_users: Option<i64>,
    pub unverified_users: Option<i64>,
    pub active_sessions: Option<i64>,
    /// Oldest first. The last one is today.
    pub days: Vec<Day>,
    /// Newest first.
    pub latest: Vec<Event>,
}

/// What happened on a day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub date: NaiveDate,
    pub logins: i64,
    pub failed_logins: i64,
    pub registrations: i64,
}

pub async fn overview(database: &Database, now: DateTime<Utc>) -> Result<Overview, StoreError> {
    let read = move |connection: &mut AnyConnection| {
        let [users, disabled, unverified, sessions] = Rows::ALL.map(|rows| rows.number(connection, now));
        let counts = [users?, disabled?, unverified?, sessions?];
        Ok::<_, StoreError>((counts, read_days(connection, now)?))
    };
    let (counts, days) = database.run(read).await?;
    let filter = Filter { kinds: NOTABLE.into(), ..Filter::default() };
    let latest = events::page(database, filter, None, LATEST).await?.items;
    let [users, disabled_users, unverified_users, active_sessions] =
        counts.map(|RowCount { count, .. }| count);
    // `None` is less than any time.
    let counted_at = counts.iter().map(|count| count.counted_at).min().flatten();
    Ok(Overview { counted_at, users, disabled_users, unverified_users, active_sessions, days, latest })
}

fn read_days(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<Vec<Day>, StoreError> {
    let today = now.date_naive();
    let date = |before| today.checked_sub_days(Days::new(before)).unwrap_or(today);
    let empty = |before| Day { date: date(before), logins: 0, failed_logins: 0, registrations: 0 };
    let mut days: Vec<Day> = (0..DAYS).rev().map(empty).collect();
    for EventCount { day, kind, count } in statistics::events_since(connection, &days[0].date.to_string())? {
        let Some(day) = days.iter_mut().find(|known| known.date.to_string() == day) else { continue };
        match kind.parse() {
            Ok(EventType::LoginSucceeded) => day.logins += count,
            Ok(EventType::LoginFailed) => day.failed_logins += count,
            Ok(EventType::Registered) => day.registrations += count,
            // Others are counted too, and newer servers may have more.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(days)
}

/// Counts what has happened since the last time.
pub async fn update(context: &Context) -> Result<(), StoreError> {
    update_at(&context.database, context.database.time(context.now()).await?).await
}

/// `now`: by the database's clock. A server with another time would keep the others from counting, or count hours that have
/// not ended.
async fn update_at(database: &Database, now: DateTime<Utc>) -> Result<(), StoreError> {
    for count in [statistics::count_events, statistics::count_hours] {
        while database.transaction(move |connection| count(connection, now)).await? {
            // Requests come first.
            tokio::task::yield_now().await;
        }
    }
    let mut result = Ok(());
    for rows in Rows::ALL {
        // The others are counted, too, if one takes too long.
        result = result.and(count_rows(database, rows, now).await);
    }
    result
}

async fn count_rows(database: &Database, rows: Rows, now: DateTime<Utc>) -> Result<(), StoreError> {
    let reserve = move |connection: &mut AnyConnection| rows.reserve(connection, now, now + RESERVATION);
    if !database.transaction(reserve).await? {
        return Ok(());
    }
    let started = Instant::now();
    let count = database.run(move |connection| rows.count(connection, now)).await?;
    let pause = pause_after(started.elapsed());
    let store = move |connection: &mut AnyConnection| rows.store(connection, count, now, now + pause);
    database.transaction(store).await
}

fn pause_after(cost: Duration) -> TimeDelta {
    TimeDelta::from_std(cost * PAUSE_PER_COST).unwrap_or(TimeDelta::days(1)).max(MIN_PAUSE)
}
