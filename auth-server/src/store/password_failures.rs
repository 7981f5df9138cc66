//! The table `password_failures`. Its columns `account` and `place` hold the login key and the origin key.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Integer, Text, Timestamp};

use crate::store::connection::{MultiBackend, on_backend};
use crate::store::schema::password_failures;
use crate::store::{AnyConnection, StoreError};

/// The origin key of the count for all origins together.
pub const ALL_ORIGINS: &str = "";

/// Failed attempts for one login key from one origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = password_failures)]
pub struct Failures {
    #[diesel(column_name = failures)]
    pub count: i32,
    pub first_at: NaiveDateTime,
    pub last_at: NaiveDateTime,
}

/// The failures of one login key at all origins together, and at one of them.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    pub everywhere: Option<Failures>,
    pub here: Option<Failures>,
}

pub fn find(connection: &mut AnyConnection, login_key: &str, origin_key: &str) -> Result<Counts, StoreError> {
    let rows = rows(login_key, origin_key);
    let found: Vec<Row> = on_backend!(connection, |connection| rows
        .select((password_failures::place, Failures::as_select()))
        .load(connection))?;
    Ok(Counts::of(&found, origin_key))
}

/// The failures so far, locked until the end of the transaction. SQLite's write transactions exclude each other;
/// PostgreSQL requires rows to lock.
pub fn lock(connection: &mut AnyConnection, login_key: &str, origin_key: &str) -> Result<Counts, StoreError> {
    if matches!(connection, AnyConnection::Sqlite(_)) {
        return find(connection, login_key, origin_key);
    }
    let epoch = DateTime::UNIX_EPOCH.naive_utc();
    let none = Failures { count: 0, first_at: epoch, last_at: epoch };
    // The row for all origins first, in every transaction: another order could deadlock.
    let rows = [(ALL_ORIGINS, none), (origin_key, none)];
    let lock = Upsert { login_key, rows, update: "failures = password_failures.failures" };
    Ok(Counts::of(&lock.load::<Row>(connection)?, origin_key))
}

/// Stores new counts. The caller holds the [`lock`].
pub fn set(
    connection: &mut AnyConnection,
    login_key: &str,
    origin_key: &str,
    everywhere: Failures,
    here: Failures,
) -> Result<(), StoreError> {
    let update = "failures = excluded.failures, first_at = excluded.first_at, last_at = excluded.last_at";
    let rows = [(ALL_ORIGINS, everywhere), (origin_key, here)];
    Upsert { login_key, rows, update }.load::<Row>(connection)?;
    Ok(())
}

/// Stores a new count for all origins, whose row exists. The caller holds the [`lock`].
pub fn set_everywhere(
    connection: &mut AnyConnection,
    login_key: &str,
    count: Failures,
) -> Result<(), StoreError> {
    diesel::update(password_failures::table.find((login_key, ALL_ORIGINS))).set(count).execute(connection)?;
    Ok(())
}

/// Deletes the count for one origin. The caller holds the [`lock`].
pub fn forget_here(
    connection: &mut AnyConnection,
    login_key: &str,
    origin_key: &str,
) -> Result<(), StoreError> {
    diesel::delete(password_failures::table.find((login_key, origin_key))).execute(connection)?;
    Ok(())
}

/// Deletes both counts. The caller holds the [`lock`].
pub fn forget(connection: &mut AnyConnection, login_key: &str, origin_key: &str) -> Result<(), StoreError> {
    let delete = diesel::delete(rows(login_key, origin_key));
    on_backend!(connection, |connection| delete.execute(connection))?;
    Ok(())
}

/// Deletes the failures of a login key from all origins.
pub fn forget_login_key(connection: &mut AnyConnection, login_key: &str) -> Result<(), StoreError> {
    // In the order in which attempts lock the rows: another order could deadlock.
    forget_here(connection, login_key, ALL_ORIGINS)?;
    let rows = password_failures::table
        .filter(password_failures::account.eq(login_key))
        .filter(password_failures::place.ne(ALL_ORIGINS));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Deletes about `limit` failures older than `before`, the oldest first. Rows of the same time are deleted together.
pub fn purge(connection: &mut AnyConnection, before: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let old: Vec<NaiveDateTime> = password_failures::table
        .filter(password_failures::last_at.lt(before.naive_utc()))
        .order(password_failures::last_at)
        .limit(limit)
        .select(password_failures::last_at)
        .load(connection)?;
    let Some(newest) = old.last() else { return Ok(0) };
    Ok(diesel::delete(password_failures::table.filter(password_failures::last_at.le(newest)))
        .execute(connection)?)
}

type Row = (String, Failures);

impl Counts {
    fn of(rows: &[Row], origin_key: &str) -> Self {
        let at = |place: &str| rows.iter().find(|(at, _)| at == place).map(|(_, failures)| *failures);
        Self { everywhere: at(ALL_ORIGINS), here: at(origin_key) }
    }
}

/// The rows of both counts.
#[diesel::dsl::auto_type]
fn rows<'a>(login_key: &'a str, origin_key: &'a str) -> _ {
    let everywhere: &'a str = ALL_ORIGINS;
    let place = password_failures::place.eq(everywhere).or(password_failures::place.eq(origin_key));
    password_failures::table.filter(password_failures::account.eq(login_key)).filter(place)
}

/// Inserts or updates the rows of both counts, in this order, and returns them.
struct Upsert<'a> {
    login_key: &'a str,
    rows: [(&'a str, Failures); 2],
    update: &'static str,
}

impl QueryFragment<MultiBackend> for Upsert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        out.push_sql("INSERT INTO password_failures (account, place, failures, first_at, last_at) VALUES (");
        for (index, (place, failures)) in self.rows.iter().enumerate() {
            if index > 0 {
                out.push_sql("), (");
            }
            out.push_bind_param::<Text, _>(self.login_key)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(*place)?;
            out.push_sql(", ");
            out.push_bind_param::<Integer, _>(&failures.count)?;
            out.push_sql(", ");
            out.push_bind_param::<Timestamp, _>(&failures.first_at)?;
            out.push_sql(", ");
            out.push_bind_param::<Timestamp, _>(&failures.last_at)?;
        }
        out.push_sql(") ON CONFLICT (account, place) DO UPDATE SET ");
        out.push_sql(self.update);
        out.push_sql(" RETURNING place, failures, first_at, last_at");
        Ok(())
    }
}

impl QueryId for Upsert<'_> {
    type QueryId = ();
    // Its text identifies it.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Upsert<'_> {
    type SqlType = (Text, (Integer, Timestamp, Timestamp));
}

impl RunQueryDsl<AnyConnection> for Upsert<'_> {}

#[cfg(test)]
mod tests {
    use test_support::TestDatabase;

    use crate::store::Database;
    use crate::store::password_failures::*;

    #[actix_web::test]
    async fn a_purge_deletes_a_limited_number_of_rows() {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        for second in 0..25 {
            test.db_execute(&format!(
                "INSERT INTO password_failures (account, place, failures, first_at, last_at) \
                 VALUES ('ann', '{second}', 1, '1969-01-01 00:00:00', '1969-01-01 00:00:{second:02}')"
            ));
        }
        let purge = || database.transaction(|connection| purge(connection, DateTime::UNIX_EPOCH, 10));
        assert_eq!([purge().await.unwrap(), purge().await.unwrap(), purge().await.unwrap()], [10, 10, 5]);
        assert_eq!(purge().await.unwrap(), 0);
    }
}
