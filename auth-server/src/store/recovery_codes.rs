//! The table `recovery_codes`, and the salt of each user's codes in `users.recovery_salt`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::model::UserId;
use crate::store::connection::on_backend;
use crate::store::schema::{recovery_codes, users};
use crate::store::{AnyConnection, StoreError};

/// Replaces all codes of a user.
pub fn replace(
    connection: &mut AnyConnection,
    user: UserId,
    salt: &[u8],
    hashes: &[[u8; 32]],
) -> Result<(), StoreError> {
    delete_of_user(connection, user)?;
    let row = users::table.filter(users::id.eq(user.to_string()));
    diesel::update(row).set(users::recovery_salt.eq(salt)).execute(connection)?;
    let id = user.to_string();
    let rows: Vec<_> = hashes
        .iter()
        .map(|hash| (recovery_codes::user_id.eq(id.as_str()), recovery_codes::hash.eq(hash.as_slice())))
        .collect();
    let insert = diesel::insert_into(recovery_codes::table).values(&rows);
    on_backend!(connection, |connection| insert.execute(connection))?;
    Ok(())
}

/// The salt of the user's codes. `None` if there have never been any.
pub fn salt(connection: &mut AnyConnection, user: UserId) -> Result<Option<Vec<u8>>, StoreError> {
    let row = users::table.filter(users::id.eq(user.to_string())).select(users::recovery_salt);
    Ok(row.first::<Option<Vec<u8>>>(connection).optional()?.flatten())
}

/// Codes that were not used.
pub fn left(connection: &mut AnyConnection, user: UserId) -> Result<i64, StoreError> {
    let rows = recovery_codes::table.filter(recovery_codes::user_id.eq(user.to_string()));
    Ok(rows.filter(recovery_codes::used_at.is_null()).count().get_result(connection)?)
}

/// Uses the code with this hash up: of concurrent callers, one gets `true`.
pub fn spend(
    connection: &mut AnyConnection,
    user: UserId,
    hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = recovery_codes::table.find((user.to_string(), hash.as_slice()));
    let spend = diesel::update(row.filter(recovery_codes::used_at.is_null()))
        .set(recovery_codes::used_at.eq(now.naive_utc()));
    Ok(spend.execute(connection)? == 1)
}

pub fn delete_of_user(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user.to_string())))
        .execute(connection)?;
    Ok(())
}
