//! The table `password_failures`.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::Eq;
use diesel::prelude::*;

use crate::store::schema::password_failures;
use crate::store::{AnyConnection, StoreError};

/// Failures of one account at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = password_failures)]
pub struct Failures {
    /// How many.
    #[diesel(column_name = failures)]
    pub count: i32,
    /// The first of them.
    pub first_at: NaiveDateTime,
    /// The last of them.
    pub last_at: NaiveDateTime,
}

/// What is counted so far.
///
/// # Errors
/// The database failed.
pub fn find(
    connection: &mut AnyConnection,
    account: &str,
    place: &str,
) -> Result<Option<Failures>, StoreError> {
    let row = password_failures::table.find((account, place));
    Ok(row.select(Failures::as_select()).first(connection).optional()?)
}

/// What is counted so far. For a transaction, until whose end nobody else counts: SQLite's exclude each other, PostgreSQL has
/// to have a row that it can lock.
///
/// # Errors
/// The database failed.
pub fn lock(
    connection: &mut AnyConnection,
    account: &str,
    place: &str,
) -> Result<Option<Failures>, StoreError> {
    #[cfg(feature = "postgres")]
    if let AnyConnection::Postgres(connection) = connection {
        let never = DateTime::UNIX_EPOCH.naive_utc();
        let nothing = Failures { count: 0, first_at: never, last_at: never };
        let unchanged = password_failures::failures.eq(password_failures::failures);
        diesel::insert_into(password_failures::table)
            .values((names(account, place), nothing))
            .on_conflict((password_failures::account, password_failures::place))
            .do_update()
            .set(unchanged)
            .execute(connection)?;
    }
    find(connection, account, place)
}

/// Writes down what is counted now, by whoever has the [`lock`].
///
/// # Errors
/// The database failed.
pub fn set(
    connection: &mut AnyConnection,
    account: &str,
    place: &str,
    new: Failures,
) -> Result<(), StoreError> {
    let row = password_failures::table.find((account, place));
    if diesel::update(row).set(new).execute(connection)? == 0 {
        let values = (names(account, place), new);
        diesel::insert_into(password_failures::table).values(values).execute(connection)?;
    }
    Ok(())
}

/// Forgets them.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut AnyConnection, account: &str, place: &str) -> Result<(), StoreError> {
    let row = password_failures::table
        .filter(password_failures::account.eq(account))
        .filter(password_failures::place.eq(place));
    diesel::delete(row).execute(connection)?;
    Ok(())
}

/// Forgets the failures of one account at all places.
///
/// # Errors
/// The database failed.
pub fn forget_account(connection: &mut AnyConnection, account: &str) -> Result<(), StoreError> {
    let rows = password_failures::table.filter(password_failures::account.eq(account));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Forgets some of those whose last failure is older; `limit` accounts at most.
///
/// # Errors
/// The database failed.
pub fn purge(connection: &mut AnyConnection, before: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let before = before.naive_utc();
    let old: Vec<String> = password_failures::table
        .filter(password_failures::last_at.lt(before))
        .order(password_failures::last_at)
        .limit(limit)
        .select(password_failures::account)
        .load(connection)?;
    let rows = password_failures::table
        .filter(password_failures::account.eq_any(old))
        .filter(password_failures::last_at.lt(before));
    Ok(diesel::delete(rows).execute(connection)?)
}

type Names<'a> = (Eq<password_failures::account, &'a str>, Eq<password_failures::place, &'a str>);

fn names<'a>(account: &'a str, place: &'a str) -> Names<'a> {
    (password_failures::account.eq(account), password_failures::place.eq(place))
}
