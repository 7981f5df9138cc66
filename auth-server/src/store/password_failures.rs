//! The table `password_failures`.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use super::schema::password_failures;
use super::{AnyConnection, StoreError, Taken};

/// Failures of one account at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable, Selectable, AsChangeset)]
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

/// Puts `new` in place of what was seen. `false` where somebody else was quicker. Not for use in a transaction, which
/// PostgreSQL would end at that.
///
/// # Errors
/// The database failed.
pub fn replace(
    connection: &mut AnyConnection,
    account: &str,
    place: &str,
    seen: Option<&Failures>,
    new: &Failures,
) -> Result<bool, StoreError> {
    let Some(seen) = seen else {
        let names = (password_failures::account.eq(account), password_failures::place.eq(place));
        let counts = (
            password_failures::failures.eq(new.count),
            password_failures::first_at.eq(new.first_at),
            password_failures::last_at.eq(new.last_at),
        );
        let inserted =
            diesel::insert_into(password_failures::table).values((names, counts)).execute(connection);
        return match inserted.map_err(StoreError::from) {
            Ok(_) => Ok(true),
            Err(StoreError::Taken(Taken::Other)) => Ok(false),
            Err(error) => Err(error),
        };
    };
    let row = password_failures::table
        .filter(password_failures::account.eq(account))
        .filter(password_failures::place.eq(place))
        .filter(password_failures::failures.eq(seen.count))
        .filter(password_failures::last_at.eq(seen.last_at));
    Ok(diesel::update(row).set(new).execute(connection)? == 1)
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
