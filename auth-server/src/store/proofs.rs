//! The table `proofs`.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde_json::Value;

use crate::model::{Email, ImpossibleValue, Position, Proof, ProofId, Purpose, UserId};
use crate::store::connection::on_backend;
use crate::store::schema::proofs;
use crate::store::{AnyConnection, StoreError};

#[diesel::dsl::auto_type]
fn is_unused() -> _ {
    proofs::used_at.is_null().and(proofs::void_at.is_null())
}

/// Whether the link of a proof can be used at this time.
#[diesel::dsl::auto_type]
fn is_open(now: NaiveDateTime) -> _ {
    is_unused().and(proofs::expires_at.gt(now))
}

pub fn insert(connection: &mut AnyConnection, proof: &Proof) -> Result<(), StoreError> {
    let insert = diesel::insert_into(proofs::table).values(Row::from(proof));
    on_backend!(connection, |connection| insert.execute(connection))?;
    Ok(())
}

pub fn by_id(connection: &mut AnyConnection, id: ProofId) -> Result<Option<Proof>, StoreError> {
    let row = proofs::table.find(id.to_string());
    one(on_backend!(connection, |connection| row.select(Row::as_select()).first(connection)))
}

pub fn by_continuation(
    connection: &mut AnyConnection,
    continuation_hash: &[u8; 32],
) -> Result<Option<Proof>, StoreError> {
    let row = proofs::table.filter(proofs::continuation_hash.eq(continuation_hash.as_slice()));
    one(on_backend!(connection, |connection| row.select(Row::as_select()).first(connection)))
}

/// Counts an attempt with a code. Returns the number of attempts with this one, or `None` if the proof is used or void, or has
/// none left.
pub fn count_attempt(connection: &mut AnyConnection, id: ProofId) -> Result<Option<i32>, StoreError> {
    let row = proofs::table.filter(proofs::id.eq(id.to_string()).and(is_unused()));
    let row = row.filter(proofs::attempts.lt(Proof::MAX_ATTEMPTS));
    let count =
        diesel::update(row).set(proofs::attempts.eq(proofs::attempts + 1)).returning(proofs::attempts);
    Ok(count.get_result(connection).optional()?)
}

/// Takes back an attempt whose code was correct.
pub fn forget_attempt(connection: &mut AnyConnection, id: ProofId) -> Result<(), StoreError> {
    let row = proofs::table.filter(proofs::id.eq(id.to_string()).and(proofs::attempts.gt(0)));
    diesel::update(row).set(proofs::attempts.eq(proofs::attempts - 1)).execute(connection)?;
    Ok(())
}

/// Uses a proof up, and deletes its data: of concurrent callers, one gets `true`. `max_attempts`: counted attempts, including the caller's own.
pub fn consume(
    connection: &mut AnyConnection,
    id: ProofId,
    max_attempts: i32,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = proofs::table.filter(proofs::id.eq(id.to_string()).and(is_open(now.naive_utc())));
    let row = row.filter(proofs::attempts.le(max_attempts));
    let update = diesel::update(row).set((proofs::used_at.eq(now.naive_utc()), proofs::data.eq("{}")));
    Ok(on_backend!(connection, |connection| update.execute(connection))? == 1)
}

/// Makes an open proof useless. Returns `false` if it was not open.
pub fn void(connection: &mut AnyConnection, id: ProofId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let row = proofs::table.filter(proofs::id.eq(id.to_string()).and(is_open(now.naive_utc())));
    Ok(diesel::update(row).set(proofs::void_at.eq(now.naive_utc())).execute(connection)? == 1)
}

/// The same for all open proofs of an address with this purpose. Returns their number.
pub fn void_of_email(
    connection: &mut AnyConnection,
    email: &Email,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let of_email = proofs::email.eq(email.as_str()).and(proofs::purpose.eq(purpose.as_str()));
    let rows = proofs::table.filter(of_email.and(is_open(now.naive_utc())));
    Ok(diesel::update(rows).set(proofs::void_at.eq(now.naive_utc())).execute(connection)?)
}

/// Makes the unused proofs of a user void, also those whose link has expired: their codes may still be valid.
pub fn void_of_user(
    connection: &mut AnyConnection,
    user: UserId,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let of_user = proofs::user_id.eq(user.to_string()).and(proofs::purpose.eq(purpose.as_str()));
    let rows = proofs::table.filter(of_user.and(is_unused()));
    Ok(diesel::update(rows).set(proofs::void_at.eq(now.naive_utc())).execute(connection)?)
}

/// The newest open proof of a user with this purpose.
pub fn open_of_user(
    connection: &mut AnyConnection,
    user: UserId,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<Option<Proof>, StoreError> {
    let of_user = proofs::user_id.eq(user.to_string()).and(proofs::purpose.eq(purpose.as_str()));
    let row = proofs::table.filter(of_user.and(is_open(now.naive_utc()))).order(proofs::created_at.desc());
    one(on_backend!(connection, |connection| row.select(Row::as_select()).first(connection)))
}

/// Stores the user, the data, the expiry and the end of the code's life, as they are when the mail is sent. Returns `false` if the
/// proof is no longer open: then nothing is stored.
pub fn set_prepared(
    connection: &mut AnyConnection,
    proof: &Proof,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = Row::from(proof);
    let changes = (
        proofs::user_id.eq(row.user_id),
        proofs::user_version.eq(row.user_version),
        proofs::data.eq(row.data),
        proofs::expires_at.eq(row.expires_at),
        proofs::code_until.eq(row.code_until),
    );
    let open = proofs::table.filter(proofs::id.eq(row.id).and(is_open(now.naive_utc())));
    let update = diesel::update(open).set(changes);
    Ok(on_backend!(connection, |connection| update.execute(connection))? == 1)
}

/// Up to `limit` open invitations below `below`, newest first.
pub fn page_of_invitations(
    connection: &mut AnyConnection,
    below: Option<Position<ProofId>>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Proof>, StoreError> {
    let mut query = proofs::table.select(Row::as_select()).into_boxed();
    query = query.filter(proofs::purpose.eq(Purpose::Invite.as_str())).filter(is_open(now.naive_utc()));
    if let Some(Position { at, id }) = below {
        let at = at.naive_utc();
        query = query.filter(
            proofs::created_at.lt(at).or(proofs::created_at.eq(at).and(proofs::id.lt(id.to_string()))),
        );
    }
    let rows: Vec<Row> =
        query.order((proofs::created_at.desc(), proofs::id.desc())).limit(limit).load(connection)?;
    rows.into_iter().map(|row| Ok(Proof::try_from(row)?)).collect()
}

/// Deletes all proofs of a deleted user, so that their links become invalid.
pub fn delete_of_user(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    diesel::delete(proofs::table.filter(proofs::user_id.eq(user.to_string()))).execute(connection)?;
    Ok(())
}

/// Deletes up to `limit` proofs that expired before `before`.
pub fn purge(connection: &mut AnyConnection, before: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let old: Vec<String> = proofs::table
        .filter(proofs::expires_at.lt(before.naive_utc()))
        .order(proofs::expires_at)
        .limit(limit)
        .select(proofs::id)
        .load(connection)?;
    Ok(diesel::delete(proofs::table.filter(proofs::id.eq_any(old))).execute(connection)?)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = proofs)]
struct Row {
    id: String,
    purpose: String,
    email: String,
    user_id: Option<String>,
    user_version: Option<i64>,
    continuation_hash: Option<Vec<u8>>,
    key_id: String,
    data: String,
    attempts: i32,
    created_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    code_until: Option<NaiveDateTime>,
    used_at: Option<NaiveDateTime>,
    void_at: Option<NaiveDateTime>,
}

impl From<&Proof> for Row {
    fn from(proof: &Proof) -> Self {
        Self {
            id: proof.id.to_string(),
            purpose: proof.purpose.as_str().to_owned(),
            email: proof.email.as_str().to_owned(),
            user_id: proof.user.map(|(user, _)| user.to_string()),
            user_version: proof.user.map(|(_, version)| i64::try_from(version).unwrap_or(i64::MAX)),
            continuation_hash: proof.continuation_hash.map(Vec::from),
            key_id: proof.key_id.clone(),
            data: Value::from(proof.data.clone()).to_string(),
            attempts: proof.attempts,
            created_at: proof.created_at.naive_utc(),
            expires_at: proof.expires_at.naive_utc(),
            code_until: proof.code_until.map(|at| at.naive_utc()),
            used_at: proof.used_at.map(|at| at.naive_utc()),
            void_at: proof.void_at.map(|at| at.naive_utc()),
        }
    }
}

impl TryFrom<Row> for Proof {
    type Error = ImpossibleValue;

    fn try_from(row: Row) -> Result<Self, ImpossibleValue> {
        let impossible = |column| ImpossibleValue { column };
        let user = match (row.user_id, row.user_version) {
            (Some(id), Some(version)) => {
                let id = id.parse().map_err(|_| impossible("proofs.user_id"))?;
                Some((id, u64::try_from(version).map_err(|_| impossible("proofs.user_version"))?))
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(impossible("proofs.user_version")),
        };
        let hash = row.continuation_hash.map(<[u8; 32]>::try_from).transpose();
        Ok(Self {
            id: row.id.parse().map_err(|_| impossible("proofs.id"))?,
            purpose: row.purpose.parse()?,
            email: Email::from_stored(row.email),
            user,
            continuation_hash: hash.map_err(|_| impossible("proofs.continuation_hash"))?,
            key_id: row.key_id,
            data: serde_json::from_str(&row.data).map_err(|_| impossible("proofs.data"))?,
            attempts: row.attempts,
            created_at: row.created_at.and_utc(),
            expires_at: row.expires_at.and_utc(),
            code_until: row.code_until.map(|at| at.and_utc()),
            used_at: row.used_at.map(|at| at.and_utc()),
            void_at: row.void_at.map(|at| at.and_utc()),
        })
    }
}

fn one(row: QueryResult<Row>) -> Result<Option<Proof>, StoreError> {
    Ok(row.optional()?.map(Proof::try_from).transpose()?)
}
