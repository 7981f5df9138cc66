//! The table `login_challenges`: logins that passed the first factor and wait for the second one.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::model::UserId;
use crate::store::connection::on_backend;
use crate::store::schema::login_challenges;
use crate::store::{AnyConnection, StoreError};

/// Answers that one challenge takes.
const MAX_ATTEMPTS: i32 = 5;

#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = login_challenges)]
pub struct StoredChallenge {
    /// SHA-256 of the value that the client received.
    pub hash: Vec<u8>,
    pub kind: String,
    pub user_id: String,
    pub user_version: i64,
    /// As in `sessions.amr`.
    pub amr: String,
    pub attempts: i32,
    pub created_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
}

pub fn insert(connection: &mut AnyConnection, challenge: &StoredChallenge) -> Result<(), StoreError> {
    let insert = diesel::insert_into(login_challenges::table).values(challenge);
    on_backend!(connection, |connection| insert.execute(connection))?;
    Ok(())
}

/// The challenge with this hash, unless it has expired or took too many answers.
pub fn open(
    connection: &mut AnyConnection,
    hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<StoredChallenge>, StoreError> {
    let row = login_challenges::table.find(hash.as_slice()).filter(is_open(now.naive_utc()));
    Ok(on_backend!(connection, |connection| row.select(StoredChallenge::as_select()).first(connection))
        .optional()?)
}

/// Counts an answer. Returns `false` if the challenge takes none.
pub fn count_attempt(
    connection: &mut AnyConnection,
    hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = login_challenges::table.find(hash.as_slice()).filter(is_open(now.naive_utc()));
    let count = diesel::update(row).set(login_challenges::attempts.eq(login_challenges::attempts + 1));
    Ok(on_backend!(connection, |connection| count.execute(connection))? == 1)
}

pub fn set_kind(connection: &mut AnyConnection, hash: &[u8; 32], kind: &str) -> Result<(), StoreError> {
    let row = login_challenges::table.find(hash.as_slice());
    diesel::update(row).set(login_challenges::kind.eq(kind)).execute(connection)?;
    Ok(())
}

/// Uses a challenge up: of concurrent callers, one gets `true`.
pub fn consume(connection: &mut AnyConnection, hash: &[u8; 32]) -> Result<bool, StoreError> {
    Ok(diesel::delete(login_challenges::table.find(hash.as_slice())).execute(connection)? == 1)
}

pub fn delete_of_user(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    diesel::delete(login_challenges::table.filter(login_challenges::user_id.eq(user.to_string())))
        .execute(connection)?;
    Ok(())
}

/// Deletes up to `limit` challenges that have expired.
pub fn purge(connection: &mut AnyConnection, now: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let old: Vec<Vec<u8>> = login_challenges::table
        .filter(login_challenges::expires_at.le(now.naive_utc()))
        .order(login_challenges::expires_at)
        .limit(limit)
        .select(login_challenges::hash)
        .load(connection)?;
    Ok(diesel::delete(login_challenges::table.filter(login_challenges::hash.eq_any(old)))
        .execute(connection)?)
}

#[diesel::dsl::auto_type]
fn is_open(now: NaiveDateTime) -> _ {
    let max_attempts: i32 = MAX_ATTEMPTS;
    login_challenges::expires_at.gt(now).and(login_challenges::attempts.lt(max_attempts))
}
