//! The table `sessions`.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::fail_points;
use crate::model::{
    Delivery, EndReason, Ended, Generation, ImpossibleValue, Session, SessionId, TokenTransport, UserId,
};
use crate::store::schema::sessions;
use crate::store::{AnyConnection, StoreError};

/// What a refresh token says of itself, with what the request added: all that the guarded UPDATE looks at.
#[derive(Clone, Debug)]
pub struct Spend {
    /// `sid`
    pub id: SessionId,
    /// `gen`
    pub generation: Generation,
    /// SHA-256 of `sk`
    pub secret_hash: [u8; 32],
    /// The token is younger than the idle limit: then it counts as alive even where the row, restored from a
    /// backup, says that the session has been idle for too long.
    pub younger_than_idle_limit: bool,
    /// How the token came: a session's tokens never change their way.
    pub transport: TokenTransport,
    /// SHA-256 of the request's Idempotency-Key.
    pub idempotency_key_hash: Option<[u8; 32]>,
    /// Address that the request came from.
    pub ip: Option<String>,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
    /// The time of the rotation.
    pub now: DateTime<Utc>,
    /// The new idle limit.
    pub idle_expires_at: DateTime<Utc>,
}

/// Which rows a rotation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The row holds exactly the token's generation: the ordinary case.
    Same,
    /// The row holds the token's generation or an older one: it was restored from a backup or a replica.
    SameOrBehind,
}

/// Writes a new session.
///
/// # Errors
/// The database failed.
pub fn insert(connection: &mut AnyConnection, session: &Session) -> Result<(), StoreError> {
    diesel::insert_into(sessions::table).values(Row::from(session)).execute(connection)?;
    Ok(())
}

/// The rotation: one guarded UPDATE that decides every race. The session as it is now, or nothing where the
/// guard did not hold; why, only a reader of the row can tell.
///
/// # Errors
/// The database failed; the rotation is not committed, or not known to be.
pub fn rotate(
    connection: &mut AnyConnection,
    spend: &Spend,
    guard: Guard,
) -> Result<Option<Session>, StoreError> {
    let generation = number(spend.generation);
    let highest = if fail_points::is_set("rotation-without-guard") { i64::MAX } else { generation };
    let now = spend.now.naive_utc();
    let lowest = match guard {
        Guard::Same => generation,
        Guard::SameOrBehind => 0,
    };
    let idle_limit = if spend.younger_than_idle_limit { DateTime::UNIX_EPOCH.naive_utc() } else { now };
    // Not `eq_any`, which makes a statement that cannot be prepared once for all.
    let [either, or] = spend.transport.deliveries().map(Delivery::as_str);
    let row = sessions::table
        .filter(sessions::id.eq(spend.id.to_string()))
        .filter(sessions::secret_hash.eq(spend.secret_hash.to_vec()))
        .filter(sessions::generation.ge(lowest))
        .filter(sessions::generation.le(highest))
        .filter(sessions::delivery.eq(either).or(sessions::delivery.eq(or)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::idle_expires_at.gt(idle_limit));
    let changes = (
        sessions::generation.eq(generation + 1),
        sessions::rotated_at.eq(now),
        sessions::idle_expires_at.eq(spend.idle_expires_at.naive_utc()),
        sessions::idempotency_key_hash.eq(spend.idempotency_key_hash.map(|hash| hash.to_vec())),
        sessions::redeliveries.eq(0),
        sessions::ip.eq(&spend.ip),
        sessions::user_agent.eq(&spend.user_agent),
    );
    let rotated =
        diesel::update(row).set(changes).returning(sessions::all_columns).get_result::<Row>(connection);
    one(rotated)
}

/// Counts one more redelivery of the last rotation, unless `limit` is reached or the session moved on.
///
/// # Errors
/// The database failed.
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

/// Ends one session, if it has not ended yet.
///
/// # Errors
/// The database failed.
pub fn end(
    connection: &mut AnyConnection,
    id: SessionId,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = sessions::table.filter(sessions::id.eq(id.to_string()).and(sessions::ended_at.is_null()));
    Ok(diesel::update(row).set(ending(reason, now)).execute(connection)? == 1)
}

/// Ends a session whose token came again after it was spent, if the row still proves that it was.
///
/// # Errors
/// The database failed.
pub fn end_reused(
    connection: &mut AnyConnection,
    id: SessionId,
    spent: Generation,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = sessions::table.filter(
        sessions::id
            .eq(id.to_string())
            .and(sessions::generation.gt(number(spent)))
            .and(sessions::ended_at.is_null()),
    );
    Ok(diesel::update(row).set(ending(EndReason::ReuseDetected, now)).execute(connection)? == 1)
}

/// Ends all sessions of a person, but for one where that is wanted. Returns which.
///
/// # Errors
/// The database failed.
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
    let ids = ended.iter().map(|id| id.parse().map_err(|_| ImpossibleValue { column: "sessions.id" }));
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Notes that the person has proved the password within this session, if it has not ended.
///
/// # Errors
/// The database failed.
pub fn note_authentication(
    connection: &mut AnyConnection,
    id: SessionId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = sessions::table.filter(sessions::id.eq(id.to_string()).and(sessions::ended_at.is_null()));
    Ok(diesel::update(row).set(sessions::auth_time.eq(now.naive_utc())).execute(connection)? == 1)
}

/// The session with this id, ended or not.
///
/// # Errors
/// The database failed.
pub fn by_id(connection: &mut AnyConnection, id: SessionId) -> Result<Option<Session>, StoreError> {
    one(sessions::table.filter(sessions::id.eq(id.to_string())).select(Row::as_select()).first(connection))
}

/// The sessions of a person that are alive, newest use first.
///
/// # Errors
/// The database failed.
pub fn alive(
    connection: &mut AnyConnection,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<Session>, StoreError> {
    let rows: Vec<Row> = sessions::table
        .filter(
            sessions::user_id
                .eq(user.to_string())
                .and(sessions::ended_at.is_null())
                .and(sessions::expires_at.gt(now.naive_utc()))
                .and(sessions::idle_expires_at.gt(now.naive_utc())),
        )
        .order((sessions::rotated_at.desc(), sessions::id))
        .select(Row::as_select())
        .load(connection)?;
    Ok(rows.into_iter().map(Session::try_from).collect::<Result<_, _>>()?)
}

/// Deletes at most `limit` rows whose absolute limit has passed: nothing can be asked about them any more.
///
/// # Errors
/// The database failed.
pub fn purge(connection: &mut AnyConnection, now: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let expired: Vec<String> = sessions::table
        .filter(sessions::expires_at.le(now.naive_utc()))
        .order(sessions::expires_at)
        .limit(limit)
        .select(sessions::id)
        .load(connection)?;
    Ok(diesel::delete(sessions::table.filter(sessions::id.eq_any(expired))).execute(connection)?)
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

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
struct Row {
    id: String,
    user_id: String,
    client_id: String,
    generation: i64,
    secret_hash: Vec<u8>,
    rotated_at: NaiveDateTime,
    idempotency_key_hash: Option<Vec<u8>>,
    redeliveries: i32,
    delivery: String,
    remember: bool,
    auth_time: NaiveDateTime,
    created_at: NaiveDateTime,
    idle_expires_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    ended_at: Option<NaiveDateTime>,
    end_reason: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
}

impl From<&Session> for Row {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            user_id: session.user_id.to_string(),
            client_id: session.client_id.clone(),
            generation: number(session.generation),
            secret_hash: session.secret_hash.to_vec(),
            rotated_at: session.rotated_at.naive_utc(),
            idempotency_key_hash: session.idempotency_key_hash.map(|hash| hash.to_vec()),
            redeliveries: session.redeliveries,
            delivery: session.delivery.as_str().to_owned(),
            remember: session.remember,
            auth_time: session.auth_time.naive_utc(),
            created_at: session.created_at.naive_utc(),
            idle_expires_at: session.idle_expires_at.naive_utc(),
            expires_at: session.expires_at.naive_utc(),
            ended_at: session.ended.map(|ended| ended.at.naive_utc()),
            end_reason: session.ended.map(|ended| ended.reason.as_str().to_owned()),
            ip: session.ip.clone(),
            user_agent: session.user_agent.clone(),
        }
    }
}

impl TryFrom<Row> for Session {
    type Error = ImpossibleValue;

    fn try_from(row: Row) -> Result<Self, ImpossibleValue> {
        let ended = match (row.ended_at, row.end_reason) {
            (None, None) => None,
            (Some(at), Some(reason)) => Some(Ended { at: at.and_utc(), reason: reason.parse()? }),
            _ => return Err(ImpossibleValue { column: "sessions.end_reason" }),
        };
        Ok(Self {
            id: row.id.parse().map_err(|_| ImpossibleValue { column: "sessions.id" })?,
            user_id: row.user_id.parse().map_err(|_| ImpossibleValue { column: "sessions.user_id" })?,
            client_id: row.client_id,
            generation: generation(row.generation)?,
            secret_hash: hash(row.secret_hash, "sessions.secret_hash")?,
            rotated_at: row.rotated_at.and_utc(),
            idempotency_key_hash: row
                .idempotency_key_hash
                .map(|bytes| hash(bytes, "sessions.idempotency_key_hash"))
                .transpose()?,
            redeliveries: row.redeliveries,
            delivery: row.delivery.parse()?,
            remember: row.remember,
            auth_time: row.auth_time.and_utc(),
            created_at: row.created_at.and_utc(),
            idle_expires_at: row.idle_expires_at.and_utc(),
            expires_at: row.expires_at.and_utc(),
            ended,
            ip: row.ip,
            user_agent: row.user_agent,
        })
    }
}

fn one(row: QueryResult<Row>) -> Result<Option<Session>, StoreError> {
    Ok(row.optional()?.map(Session::try_from).transpose()?)
}

/// Below 2^53 by construction.
fn number(generation: Generation) -> i64 {
    i64::try_from(generation.get()).unwrap_or(i64::MAX)
}

fn generation(number: i64) -> Result<Generation, ImpossibleValue> {
    u64::try_from(number)
        .ok()
        .and_then(Generation::new)
        .ok_or(ImpossibleValue { column: "sessions.generation" })
}

fn hash(bytes: Vec<u8>, column: &'static str) -> Result<[u8; 32], ImpossibleValue> {
    bytes.try_into().map_err(|_| ImpossibleValue { column })
}
