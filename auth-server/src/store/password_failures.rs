//! The table `password_failures`. Its columns `account` and `place` hold the login key and the origin key.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::Eq;
use diesel::prelude::*;

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

pub fn find(
    connection: &mut AnyConnection,
    login_key: &str,
    origin_key: &str,
) -> Result<Option<Failures>, StoreError> {
    let row = password_failures::table.find((login_key, origin_key));
    Ok(row.select(Failures::as_select()).first(connection).optional()?)
}

/// The failures so far, locked until the end of the transaction. SQLite's write transactions exclude each other;
/// PostgreSQL requires a row to lock.
pub fn lock(
    connection: &mut AnyConnection,
    login_key: &str,
    origin_key: &str,
) -> Result<Option<Failures>, StoreError> {
    #[cfg(feature = "postgres")]
    if let AnyConnection::Postgres(connection) = connection {
        let epoch = DateTime::UNIX_EPOCH.naive_utc();
        let none = Failures { count: 0, first_at: epoch, last_at: epoch };
        let unchanged = password_failures::failures.eq(password_failures::failures);
        diesel::insert_into(password_failures::table)
            .values((key(login_key, origin_key), none))
            .on_conflict((password_failures::account, password_failures::place))
            .do_update()
            .set(unchanged)
            .execute(connection)?;
    }
    find(connection, login_key, origin_key)
}

/// Stores the new count. The caller holds the [`lock`].
pub fn set(
    connection: &mut AnyConnection,
    login_key: &str,
    origin_key: &str,
    new: Failures,
) -> Result<(), StoreError> {
    let row = password_failures::table.find((login_key, origin_key));
    if diesel::update(row).set(new).execute(connection)? == 0 {
        let values = (key(login_key, origin_key), new);
        diesel::insert_into(password_failures::table).values(values).execute(connection)?;
    }
    Ok(())
}

pub fn forget(connection: &mut AnyConnection, login_key: &str, origin_key: &str) -> Result<(), StoreError> {
    let row = password_failures::table
        .filter(password_failures::account.eq(login_key))
        .filter(password_failures::place.eq(origin_key));
    diesel::delete(row).execute(connection)?;
    Ok(())
}

/// Deletes the failures of a login key from all origins.
pub fn forget_login_key(connection: &mut AnyConnection, login_key: &str) -> Result<(), StoreError> {
    // In the order in which attempts lock the rows: another order could deadlock.
    forget(connection, login_key, ALL_ORIGINS)?;
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

type Key<'a> = (Eq<password_failures::account, &'a str>, Eq<password_failures::place, &'a str>);

fn key<'a>(login_key: &'a str, origin_key: &'a str) -> Key<'a> {
    (password_failures::account.eq(login_key), password_failures::place.eq(origin_key))
}

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
