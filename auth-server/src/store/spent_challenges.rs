//! The table `spent_challenges`: challenges of WebAuthn ceremonies that succeeded.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::store::connection::on_backend;
use crate::store::schema::spent_challenges;
use crate::store::{AnyConnection, StoreError};

/// Uses a challenge up: of concurrent callers on all servers, one gets `true`.
pub fn spend(
    connection: &mut AnyConnection,
    hash: &[u8; 32],
    expires_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row =
        (spent_challenges::hash.eq(hash.as_slice()), spent_challenges::expires_at.eq(expires_at.naive_utc()));
    let insert = diesel::insert_into(spent_challenges::table).values(row).on_conflict_do_nothing();
    Ok(on_backend!(connection, |connection| insert.execute(connection))? == 1)
}

/// Deletes up to `limit` challenges that have expired.
pub fn purge(connection: &mut AnyConnection, now: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let old: Vec<Vec<u8>> = spent_challenges::table
        .filter(spent_challenges::expires_at.le(now.naive_utc()))
        .order(spent_challenges::expires_at)
        .limit(limit)
        .select(spent_challenges::hash)
        .load(connection)?;
    Ok(diesel::delete(spent_challenges::table.filter(spent_challenges::hash.eq_any(old)))
        .execute(connection)?)
}
