//! The tables `event_counts`, `event_counter` and `row_counts`, so that no request counts the rows of a large table.

use chrono::{DateTime, DurationRound, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};

use crate::store::events::LATEST_COMMIT;
use crate::store::schema::{event_counter, events, row_counts};
use crate::store::sql::{Sql, Statement};
use crate::store::{AnyConnection, StoreError};

/// Ids in one transaction.
const BATCH: i64 = 20_000;
/// How far clocks of servers may differ: an event of the last hour may still be counted.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::minutes(5);
/// Events that are not in the counts yet are read up to this number.
const MAX_UNCOUNTED: i64 = 50_000;
/// Rows up to this number are counted at once.
const FEW: i64 = 10_000;

/// What to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    Users,
    DisabledUsers,
    UnverifiedUsers,
    ActiveSessions,
}

/// A number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowCount {
    /// `None` before the first count.
    pub count: Option<i64>,
    pub counted_at: Option<DateTime<Utc>>,
}

/// How many events of a type there were on a day.
pub struct EventCount {
    /// Such as `2026-11-27`.
    pub day: String,
    pub kind: String,
    pub count: i64,
}

/// Counts the next events. Returns whether there may be more to count now. Of several servers that count at the same time,
/// one succeeds.
pub fn count_events(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let (counted, seen, seen_at): (i64, i64, NaiveDateTime) = event_counter::table
        .select((event_counter::counted_up_to, event_counter::seen_id, event_counter::seen_at))
        .first(connection)?;
    let unchanged = event_counter::table.filter(event_counter::counted_up_to.eq(counted));
    if counted == seen {
        let newest: Option<i64> = events::table.select(diesel::dsl::max(events::id)).first(connection)?;
        if let Some(newest) = newest.filter(|newest| *newest > seen) {
            let saw = (event_counter::seen_id.eq(newest), event_counter::seen_at.eq(now.naive_utc()));
            let unchanged = unchanged.filter(event_counter::seen_id.eq(seen));
            diesel::update(unchanged).set(saw).execute(connection)?;
        }
        return Ok(false);
    }
    if now.naive_utc() - seen_at < LATEST_COMMIT {
        return Ok(false);
    }
    let first: Option<i64> = events::table
        .filter(events::id.gt(counted))
        .select(diesel::dsl::min(events::id))
        .first(connection)?;
    let until = first.map_or(seen, |first| seen.min(first - 1 + BATCH));
    // First, because it locks the row.
    if diesel::update(unchanged).set(event_counter::counted_up_to.eq(until)).execute(connection)? == 1 {
        let rows = Sql::new("counted_as IS NULL AND id > ").number(counted).sql(" AND id <= ").number(until);
        add_counts(connection, rows)?;
    }
    Ok(true)
}

/// The same for failed logins with unknown names: one row counts those of an hour.
pub fn count_hours(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let ended = hour(now - MAX_CLOCK_DIFFERENCE);
    let counted: NaiveDateTime = event_counter::table.select(event_counter::hours_until).first(connection)?;
    if ended <= counted {
        return Ok(false);
    }
    let first: Option<NaiveDateTime> = events::table
        .filter(events::counted_as.is_not_null())
        .filter(events::at.ge(counted))
        .select(diesel::dsl::min(events::at))
        .first(connection)?;
    let until = first.map_or(ended, |first| ended.min(hour(first.and_utc()) + TimeDelta::days(1)));
    let unchanged = event_counter::table.filter(event_counter::hours_until.eq(counted));
    if diesel::update(unchanged).set(event_counter::hours_until.eq(until)).execute(connection)? == 1 {
        let rows = Sql::new("counted_as IS NOT NULL AND at >= ").time(counted).sql(" AND at < ").time(until);
        add_counts(connection, rows)?;
    }
    Ok(true)
}

fn hour(at: DateTime<Utc>) -> NaiveDateTime {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at).naive_utc()
}

fn add_counts(connection: &mut AnyConnection, rows: Sql) -> Result<(), StoreError> {
    let insert = Sql::new("INSERT INTO event_counts (day, type, count) SELECT ").sql(day(connection));
    let insert = insert.sql(", type, SUM(occurrences) FROM events WHERE ").append(rows).sql(
        " GROUP BY 1, 2 ON CONFLICT (day, type) DO UPDATE SET count = event_counts.count + excluded.count",
    );
    insert.returning::<()>().execute(connection)?;
    Ok(())
}

/// The UTC date of `at`.
fn day(connection: &AnyConnection) -> &'static str {
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => "to_char(at, 'YYYY-MM-DD')",
        AnyConnection::Sqlite(_) => "substr(at, 1, 10)",
    }
}

/// Events since a day, those that are not in the counts yet included. A day and type may occur several times.
pub fn events_since(connection: &mut AnyConnection, since: &str) -> Result<Vec<EventCount>, StoreError> {
    let day = day(connection);
    let sum = |rows: &'static str, order: &'static str| {
        let sum = Sql::new(" UNION ALL SELECT ")
            .sql(day)
            .sql(", type, SUM(occurrences) FROM (SELECT * FROM events WHERE ");
        let rows = sum.sql(rows).sql(" ORDER BY ").sql(order).sql(" LIMIT ").number(MAX_UNCOUNTED);
        rows.sql(") AS uncounted GROUP BY 1, 2")
    };
    let counts = Sql::new("SELECT day, type, count FROM event_counts WHERE day >= ").text(since);
    let new = sum("counted_as IS NULL AND id > (SELECT counted_up_to FROM event_counter)", "id");
    let new_hours = sum("counted_as IS NOT NULL AND at >= (SELECT hours_until FROM event_counter)", "at");
    // One statement: between two, maintenance may add events to the counts.
    let all = counts.append(new).append(new_hours).returning::<(Text, Text, BigInt)>();
    let rows: Vec<(String, String, i64)> = all.load(connection)?;
    Ok(rows.into_iter().map(|(day, kind, count)| EventCount { day, kind, count }).collect())
}

impl Rows {
    pub const ALL: [Self; 4] =
        [Self::Users, Self::DisabledUsers, Self::UnverifiedUsers, Self::ActiveSessions];

    fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::DisabledUsers => "disabled_users",
            Self::UnverifiedUsers => "unverified_users",
            Self::ActiveSessions => "active_sessions",
        }
    }

    /// The rows of an index, and what must be true of the rows.
    fn sql(self, now: DateTime<Utc>) -> (&'static str, Sql) {
        let is_user = Sql::new("deleted_at IS NULL");
        let now = now.naive_utc();
        match self {
            Self::Users => ("users", is_user),
            Self::DisabledUsers => ("users WHERE disabled_at IS NOT NULL", is_user),
            Self::UnverifiedUsers => ("users WHERE email_verified_at IS NULL", is_user),
            Self::ActiveSessions => (
                "sessions WHERE ended_at IS NULL",
                Sql::new("expires_at > ").time(now).sql(" AND idle_expires_at > ").time(now),
            ),
        }
    }

    /// The order of the index, without which PostgreSQL may read the whole table.
    fn order(self) -> &'static str {
        match self {
            Self::Users => "",
            Self::DisabledUsers | Self::UnverifiedUsers => " ORDER BY id",
            Self::ActiveSessions => " ORDER BY created_at, id",
        }
    }

    /// The present number if there are few, otherwise the one of the last [`count`](Self::count).
    pub fn number(self, connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<RowCount, StoreError> {
        let (read, count): (i64, i64) = self.few(now).get_result(connection)?;
        if read <= FEW {
            return Ok(RowCount { count: Some(count), counted_at: Some(now) });
        }
        let stored = Sql::new("SELECT count, counted_at FROM row_counts WHERE name = ").text(self.name());
        let (count, counted_at): (Option<i64>, Option<NaiveDateTime>) =
            stored.returning::<(Nullable<BigInt>, Nullable<Timestamp>)>().get_result(connection)?;
        Ok(RowCount { count, counted_at: counted_at.map(|at| at.and_utc()) })
    }

    /// How many of the first rows there are, and how many meet the condition.
    fn few(self, now: DateTime<Utc>) -> Statement<(BigInt, BigInt)> {
        let (source, condition) = self.sql(now);
        let few = Sql::new("SELECT COUNT(*), COUNT(CASE WHEN ")
            .append(condition)
            .sql(" THEN 1 END) FROM (SELECT * FROM ");
        few.sql(source).sql(self.order()).sql(" LIMIT ").number(FEW + 1).sql(") AS few").returning()
    }

    /// Reserves the next count until `until`. Returns `false` if none is due, or another server has reserved it.
    pub fn reserve(
        self,
        connection: &mut AnyConnection,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let due = row_counts::table
            .filter(row_counts::name.eq(self.name()))
            .filter(row_counts::due_at.le(now.naive_utc()));
        let reserved = diesel::update(due).set(row_counts::due_at.eq(until.naive_utc()));
        Ok(reserved.execute(connection)? == 1)
    }

    /// Counts all rows, which takes long if there are many.
    pub fn count(self, connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<i64, StoreError> {
        let (source, condition) = self.sql(now);
        let count =
            Sql::new("SELECT COUNT(CASE WHEN ").append(condition).sql(" THEN 1 END) FROM ").sql(source);
        Ok(count.returning::<BigInt>().get_result(connection)?)
    }

    pub fn store(
        self,
        connection: &mut AnyConnection,
        count: i64,
        counted_at: DateTime<Utc>,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let counted = (
            row_counts::count.eq(count),
            row_counts::counted_at.eq(counted_at.naive_utc()),
            row_counts::due_at.eq(due_at.naive_utc()),
        );
        let row = row_counts::table.filter(row_counts::name.eq(self.name()));
        diesel::update(row).set(counted).execute(connection)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use test_support::TestDatabase;

    use crate::store::Database;
    use crate::store::explain::explain;
    use crate::store::statistics::*;

    #[tokio::test]
    async fn few_rows_are_read_from_an_index() {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        test.db_execute(
            "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000) \
             INSERT INTO users (id, email, password_hash, version, created_at) \
             SELECT 'id' || number, number || '@example.org', '', 1, CURRENT_TIMESTAMP FROM numbers; \
             INSERT INTO sessions (id, user_id, client_id, generation, secret_hash, rotated_at, delivery, remember, \
             auth_time, created_at, idle_expires_at, expires_at) \
             SELECT id, id, 'web', 0, '', CURRENT_TIMESTAMP, 'body', true, CURRENT_TIMESTAMP, \
             CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM users; \
             ANALYZE",
        );
        let query = Rows::ActiveSessions.few(DateTime::UNIX_EPOCH);
        let plan = database.run(move |connection| explain(connection, query)).await.expect("a plan");
        assert!(plan.contains("sessions_by_login"), "{plan}");
    }
}
