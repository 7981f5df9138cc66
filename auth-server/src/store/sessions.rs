//! The table `sessions`.

#[cfg(feature = "postgres")]
mod batch;
mod of_all;
mod of_user;
mod rotate;
mod row;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::model::{Amr, EndReason, Generation, ImpossibleValue, Session, SessionId, TokenTransport, UserId};
use crate::store::connection::on_backend;
use crate::store::schema::sessions;
use crate::store::sessions::row::{Row, number};
use crate::store::{AnyConnection, StoreError};

#[cfg(feature = "postgres")]
pub use batch::rotate_batch;
pub use of_all::newest_page;
pub use of_user::{Active, active_page, delete_of_user, end_excess};
pub use rotate::rotate;

/// Inputs of the guarded UPDATE: the claims of the refresh token, and what the request adds.
#[derive(Clone, Debug)]
pub struct RotateParams {
    pub id: SessionId,
    pub generation: Generation,
    /// SHA-256 of the `sk` claim.
    pub secret_hash: [u8; 32],
    /// A token younger than the idle limit is accepted even if the row, restored from a backup, has passed that limit.
    pub younger_than_idle_limit: bool,
    /// How the request sent the token. A session never changes its transport.
    pub transport: TokenTransport,
    /// SHA-256 of the request's Idempotency-Key.
    pub idempotency_key_hash: Option<[u8; 32]>,
    /// The new `auth_time` and `amr`, if the request proved who the user is.
    pub authenticated: Option<(DateTime<Utc>, Amr)>,
    /// SHA-256 of the next `sk` claim, if the secret changes.
    pub new_secret_hash: Option<[u8; 32]>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub now: DateTime<Utc>,
    pub idle_expires_at: DateTime<Utc>,
}

/// Which generations of the row a rotation accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The token's generation: the normal case.
    Exact,
    /// The token's generation or an older one: the row was restored from a backup or a replica.
    ExactOrOlder,
}

impl RotateParams {
    /// The row's idle limit must be later.
    fn idle_limit(&self) -> NaiveDateTime {
        if self.younger_than_idle_limit { DateTime::UNIX_EPOCH.naive_utc() } else { self.now.naive_utc() }
    }
}

pub fn insert(connection: &mut AnyConnection, session: &Session) -> Result<(), StoreError> {
    let insert = diesel::insert_into(sessions::table).values(Row::from(session));
    on_backend!(connection, |connection| insert.execute(connection))?;
    Ok(())
}

/// Counts a redelivery of the last rotation. Returns `false` if `limit` is reached or the session has been rotated since.
pub fn count_redelivery(
    connection: &mut AnyConnection,
    seen: &Session,
    limit: i32,
) -> Result<bool, StoreError> {
    let row = sessions::table.filter(
        sessions::id
            .eq(seen.id.to_string())
            .and(sessions::generation.eq(number(seen.generation)))
            .and(sessions::ended_at.is_null())
            .and(sessions::redeliveries.lt(limit)),
    );
    let counted =
        diesel::update(row).set(sessions::redeliveries.eq(sessions::redeliveries + 1)).execute(connection)?;
    Ok(counted == 1)
}

/// Ends one session. Returns `false` if it has already ended.
pub fn end(
    connection: &mut AnyConnection,
    id: SessionId,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = sessions::table.filter(sessions::id.eq(id.to_string()).and(sessions::ended_at.is_null()));
    Ok(diesel::update(row).set(ending(reason, now)).execute(connection)? == 1)
}

/// Ends a session because of token reuse, if the row's generation is still above the reused token's, and the request arrived
/// after the last rotation.
pub fn end_reused(
    connection: &mut AnyConnection,
    id: SessionId,
    reused: Generation,
    arrived_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = sessions::table.filter(
        sessions::id
            .eq(id.to_string())
            .and(sessions::generation.gt(number(reused)))
            .and(sessions::rotated_at.le(arrived_at.naive_utc()))
            .and(sessions::ended_at.is_null()),
    );
    Ok(diesel::update(row).set(ending(EndReason::ReuseDetected, now)).execute(connection)? == 1)
}

/// Ends all sessions of a user except one, and returns the ids of the ended ones.
pub fn end_all(
    connection: &mut AnyConnection,
    user: UserId,
    except: Option<SessionId>,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<Vec<SessionId>, StoreError> {
    let except = except.map(|session| session.to_string()).unwrap_or_default();
    let rows = sessions::table
        .filter(sessions::user_id.eq(user.to_string()))
        .filter(sessions::id.ne(except))
        .filter(sessions::ended_at.is_null());
    let ended: Vec<String> =
        diesel::update(rows).set(ending(reason, now)).returning(sessions::id).get_results(connection)?;
    Ok(ids(&ended)?)
}

/// Records that the user proved the password in this session. Returns `false` if it has ended.
pub fn record_authentication(
    connection: &mut AnyConnection,
    id: SessionId,
    at: DateTime<Utc>,
    amr: &Amr,
) -> Result<bool, StoreError> {
    let row = sessions::table.filter(sessions::id.eq(id.to_string()).and(sessions::ended_at.is_null()));
    let proof = (sessions::auth_time.eq(at.naive_utc()), sessions::amr.eq(amr.to_string()));
    Ok(diesel::update(row).set(proof).execute(connection)? == 1)
}

/// The session with this id, ended or not.
pub fn by_id(connection: &mut AnyConnection, id: SessionId) -> Result<Option<Session>, StoreError> {
    let row = sessions::table.filter(sessions::id.eq(id.to_string()));
    one(on_backend!(connection, |connection| row.select(Row::as_select()).first(connection)))
}

/// Deletes up to `limit` sessions whose absolute limit has passed. No valid token refers to them.
pub fn purge(connection: &mut AnyConnection, now: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let expired: Vec<String> = sessions::table
        .filter(sessions::expires_at.le(now.naive_utc()))
        .order(sessions::expires_at)
        .limit(limit)
        .select(sessions::id)
        .load(connection)?;
    Ok(diesel::delete(sessions::table.filter(sessions::id.eq_any(expired))).execute(connection)?)
}

fn ids(texts: &[String]) -> Result<Vec<SessionId>, ImpossibleValue> {
    texts.iter().map(|id| id.parse().map_err(|_| ImpossibleValue { column: "sessions.id" })).collect()
}

fn ending(reason: EndReason, now: DateTime<Utc>) -> Ending {
    Ending { ended_at: now.naive_utc(), end_reason: reason.as_str() }
}

#[derive(AsChangeset)]
#[diesel(table_name = sessions)]
struct Ending {
    ended_at: NaiveDateTime,
    end_reason: &'static str,
}

fn one(row: QueryResult<Row>) -> Result<Option<Session>, StoreError> {
    Ok(row.optional()?.map(Session::try_from).transpose()?)
}
