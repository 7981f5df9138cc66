//! The table `totp_factors`: authenticator apps.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::model::{Encrypted, UserId};
use crate::store::connection::on_backend;
use crate::store::schema::totp_factors;
use crate::store::{AnyConnection, StoreError};

#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = totp_factors)]
pub struct TotpFactor {
    pub id: String,
    pub user_id: String,
    /// Chosen by the user.
    pub name: String,
    /// Nonce, ciphertext and tag.
    pub secret: Vec<u8>,
    /// Identifies the secret that encrypted it.
    pub encryption_key_id: String,
    /// SHA1, SHA256 or SHA512.
    pub algorithm: String,
    pub digits: i32,
    /// Seconds.
    pub period: i32,
    /// The time step of the last code that was accepted.
    pub last_step: i64,
    pub created_at: NaiveDateTime,
    /// `None` until the user has entered a code. Until then the factor has no effect.
    pub confirmed_at: Option<NaiveDateTime>,
    pub last_used_at: Option<NaiveDateTime>,
}

pub fn insert(connection: &mut AnyConnection, factor: &TotpFactor) -> Result<(), StoreError> {
    let insert = diesel::insert_into(totp_factors::table).values(factor);
    on_backend!(connection, |connection| insert.execute(connection))?;
    Ok(())
}

/// All of a user, confirmed or not, oldest first.
pub fn of_user(connection: &mut AnyConnection, user: UserId) -> Result<Vec<TotpFactor>, StoreError> {
    let rows = totp_factors::table.filter(totp_factors::user_id.eq(user.to_string()));
    Ok(rows
        .order((totp_factors::created_at, totp_factors::id))
        .select(TotpFactor::as_select())
        .load(connection)?)
}

/// Accepts the code of a time step, once: of concurrent callers, one gets `true`, and an earlier step is never accepted again.
pub fn spend_step(
    connection: &mut AnyConnection,
    id: &str,
    step: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = totp_factors::table.find(id).filter(totp_factors::confirmed_at.is_not_null());
    let changes = (totp_factors::last_step.eq(step), totp_factors::last_used_at.eq(now.naive_utc()));
    let spend = diesel::update(row.filter(totp_factors::last_step.lt(step))).set(changes);
    Ok(on_backend!(connection, |connection| spend.execute(connection))? == 1)
}

/// The same for the first code, which confirms the factor.
pub fn confirm(
    connection: &mut AnyConnection,
    id: &str,
    step: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = totp_factors::table.find(id).filter(totp_factors::confirmed_at.is_null());
    let changes = (totp_factors::last_step.eq(step), totp_factors::confirmed_at.eq(now.naive_utc()));
    Ok(diesel::update(row).set(changes).execute(connection)? == 1)
}

/// Returns `false` if the user has no such factor.
pub fn rename(
    connection: &mut AnyConnection,
    user: UserId,
    id: &str,
    name: &str,
) -> Result<bool, StoreError> {
    let row = totp_factors::table.find(id).filter(totp_factors::user_id.eq(user.to_string()));
    Ok(diesel::update(row).set(totp_factors::name.eq(name)).execute(connection)? == 1)
}

/// Returns `false` if the user has no such factor.
pub fn delete(connection: &mut AnyConnection, user: UserId, id: &str) -> Result<bool, StoreError> {
    let row = totp_factors::table.find(id).filter(totp_factors::user_id.eq(user.to_string()));
    Ok(diesel::delete(row).execute(connection)? == 1)
}

pub fn delete_of_user(connection: &mut AnyConnection, user: UserId) -> Result<usize, StoreError> {
    let rows = totp_factors::table.filter(totp_factors::user_id.eq(user.to_string()));
    Ok(diesel::delete(rows).execute(connection)?)
}

/// Deletes up to `limit` factors that were not confirmed and are older than `before`.
pub fn purge(connection: &mut AnyConnection, before: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let old: Vec<String> = totp_factors::table
        .filter(totp_factors::confirmed_at.is_null().and(totp_factors::created_at.lt(before.naive_utc())))
        .order(totp_factors::created_at)
        .limit(limit)
        .select(totp_factors::id)
        .load(connection)?;
    // One may have been confirmed since.
    let rows = totp_factors::table.filter(totp_factors::id.eq_any(old));
    Ok(diesel::delete(rows.filter(totp_factors::confirmed_at.is_null())).execute(connection)?)
}

/// Up to `limit` factors after `after` whose secret is encrypted with another key than this one, in the order of their ids.
pub fn encrypted_otherwise(
    connection: &mut AnyConnection,
    key_id: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<TotpFactor>, StoreError> {
    let rows = totp_factors::table
        .filter(totp_factors::encryption_key_id.ne(key_id).and(totp_factors::id.gt(after)));
    Ok(rows.order(totp_factors::id).limit(limit).select(TotpFactor::as_select()).load(connection)?)
}

/// Replaces the encrypted secret, unless it has changed since it was read.
pub fn reencrypt(
    connection: &mut AnyConnection,
    read: &TotpFactor,
    new: &Encrypted,
) -> Result<bool, StoreError> {
    let row = totp_factors::table.find(&read.id).filter(totp_factors::secret.eq(&read.secret));
    let changes = (totp_factors::secret.eq(&new.bytes), totp_factors::encryption_key_id.eq(&new.key_id));
    Ok(diesel::update(row).set(changes).execute(connection)? == 1)
}
