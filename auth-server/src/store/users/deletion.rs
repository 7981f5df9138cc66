//! Users whose deletion is not complete: their rows have no data but the id.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::model::{ImpossibleValue, UserId};
use crate::store::schema::users;
use crate::store::{AnyConnection, StoreError};

/// Clears the user's row and marks it. From then on it counts as no user, and its e-mail address and username are free.
pub fn mark_deleted(
    connection: &mut AnyConnection,
    id: UserId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let none = None::<String>;
    let cleared = (
        // Unique, and not an e-mail address: no user can log in with it or register it.
        users::email.eq(id.to_string()),
        users::username.eq(&none),
        users::name.eq(&none),
        users::password_hash.eq(""),
        users::roles.eq("[]"),
        users::claims.eq("{}"),
        users::last_login_at.eq(None::<chrono::NaiveDateTime>),
        users::email_verified_at.eq(None::<chrono::NaiveDateTime>),
        users::locale.eq(&none),
        users::disabled_at.eq(now.naive_utc()),
        users::deleted_at.eq(now.naive_utc()),
    );
    diesel::update(users::table.filter(users::id.eq(id.to_string()))).set(cleared).execute(connection)?;
    Ok(())
}

/// A user whose deletion is not complete, if there is one.
pub fn first_deleted(connection: &mut AnyConnection) -> Result<Option<UserId>, StoreError> {
    let row = users::table.filter(users::deleted_at.is_not_null()).select(users::id).order(users::id);
    let found: Option<String> = row.first(connection).optional()?;
    Ok(found.map(|id| id.parse()).transpose().map_err(|_| ImpossibleValue { column: "users.id" })?)
}

/// Locks the row of such a user until the end of the transaction. Returns `false` if the deletion is complete.
pub fn lock_deleted(connection: &mut AnyConnection, id: UserId) -> Result<bool, StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()).and(users::deleted_at.is_not_null()));
    Ok(diesel::update(row).set(users::version.eq(users::version)).execute(connection)? == 1)
}

pub fn delete(connection: &mut AnyConnection, id: UserId) -> Result<(), StoreError> {
    diesel::delete(users::table.filter(users::id.eq(id.to_string()))).execute(connection)?;
    Ok(())
}
