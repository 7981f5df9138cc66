//! The table `familiar_places`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::model::UserId;
use crate::store::schema::familiar_places;
use crate::store::{AnyConnection, StoreError};

/// Nobody logs in from more, but for those who hoard places in order to guess from each of them.
const MOST: i64 = 20;

/// Whether the person has logged in from there. Takes as long for nobody.
///
/// # Errors
/// The database failed.
pub fn is_known(
    connection: &mut AnyConnection,
    user: Option<UserId>,
    place: &str,
) -> Result<bool, StoreError> {
    let user = user.map(|user| user.to_string()).unwrap_or_default();
    let row = familiar_places::table.find((user, place)).select(familiar_places::place);
    let found: Option<String> = row.first(connection).optional()?;
    Ok(found.is_some())
}

/// Notes a login from there. The person's own row must be locked, so that no other login of theirs notes the same.
///
/// # Errors
/// The database failed.
pub fn remember(
    connection: &mut AnyConnection,
    user: UserId,
    place: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let last_login = familiar_places::last_login_at.eq(now.naive_utc());
    let row = familiar_places::table.find((user.to_string(), place));
    if diesel::update(row).set(last_login).execute(connection)? == 0 {
        let names = (familiar_places::user_id.eq(user.to_string()), familiar_places::place.eq(place));
        diesel::insert_into(familiar_places::table).values((names, last_login)).execute(connection)?;
        forget_all_but_newest(connection, user)?;
    }
    Ok(())
}

/// Forgets all of a person's.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    let theirs = familiar_places::table.filter(familiar_places::user_id.eq(user.to_string()));
    diesel::delete(theirs).execute(connection)?;
    Ok(())
}

fn forget_all_but_newest(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    let theirs = familiar_places::table.filter(familiar_places::user_id.eq(user.to_string()));
    let old: Vec<String> = theirs
        .order((familiar_places::last_login_at.desc(), familiar_places::place))
        .offset(MOST)
        .limit(MOST)
        .select(familiar_places::place)
        .load(connection)?;
    let rows = familiar_places::table
        .filter(familiar_places::user_id.eq(user.to_string()))
        .filter(familiar_places::place.eq_any(old));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Forgets places from which nobody has logged in since; of `limit` people at most.
///
/// # Errors
/// The database failed.
pub fn purge(connection: &mut AnyConnection, before: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let before = before.naive_utc();
    let people: Vec<String> = familiar_places::table
        .filter(familiar_places::last_login_at.lt(before))
        .order(familiar_places::last_login_at)
        .limit(limit)
        .select(familiar_places::user_id)
        .load(connection)?;
    let rows = familiar_places::table
        .filter(familiar_places::user_id.eq_any(people))
        .filter(familiar_places::last_login_at.lt(before));
    Ok(diesel::delete(rows).execute(connection)?)
}
