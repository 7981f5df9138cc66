//! The tables `revocations` and `revocation_counter`.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::model::{ImpossibleValue, Revocation};
use crate::store::connection::on_backend;
use crate::store::schema::{revocation_counter, revocations};
use crate::store::{AnyConnection, StoreError};

/// Rows per statement, far below the parameter limits of both databases.
const ROWS_PER_INSERT: usize = 500;
const KEY: &str = "key";

#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Counter {
    /// Sequence numbers are comparable within one epoch only.
    pub epoch: String,
    /// The last number that was assigned.
    pub seq: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRevocation {
    pub seq: i64,
    pub revocation: Revocation,
    pub at: DateTime<Utc>,
}

/// Inserts revocations. Call this last in a transaction: it locks the counter, on which all other revoking transactions wait.
pub fn append(
    connection: &mut AnyConnection,
    new: &[Revocation],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
    if count == 0 {
        return Ok(());
    }
    let last: i64 = diesel::update(revocation_counter::table)
        .set(revocation_counter::seq.eq(revocation_counter::seq + count))
        .returning(revocation_counter::seq)
        .get_result(connection)?;
    let rows: Vec<Row> = (last - count + 1..)
        .zip(new)
        .map(|(seq, revocation)| {
            let (kind, subject, version) = columns(revocation);
            Row { seq, kind: kind.to_owned(), subject, version, at: now.naive_utc() }
        })
        .collect();
    for chunk in rows.chunks(ROWS_PER_INSERT) {
        let insert = diesel::insert_into(revocations::table).values(chunk);
        on_backend!(&mut *connection, |connection| insert.execute(connection))?;
    }
    Ok(())
}

pub fn counter(connection: &mut AnyConnection) -> Result<Counter, StoreError> {
    let row = revocation_counter::table.select((revocation_counter::epoch, revocation_counter::seq));
    Ok(row.first(connection)?)
}

/// Starts a new epoch, unless another server has done so since `old` was read.
pub fn start_epoch(connection: &mut AnyConnection, old: &str, new: &str) -> Result<(), StoreError> {
    let row = revocation_counter::table.filter(revocation_counter::epoch.eq(old));
    diesel::update(row).set(revocation_counter::epoch.eq(new)).execute(connection)?;
    Ok(())
}

/// The counter, and all revocations from `seq` up to it, in order.
pub fn since(
    connection: &mut AnyConnection,
    seq: i64,
) -> Result<(Counter, Vec<StoredRevocation>), StoreError> {
    let counter = counter(connection)?;
    let rows: Vec<Row> = revocations::table
        .filter(revocations::seq.between(seq, counter.seq))
        .order(revocations::seq)
        .select(Row::as_select())
        .load(connection)?;
    Ok((counter, rows.into_iter().map(StoredRevocation::try_from).collect::<Result<_, _>>()?))
}

/// Only revocations made before these times are deleted.
#[derive(Clone, Copy, Debug)]
pub struct Cutoffs {
    pub all: DateTime<Utc>,
    /// Retired keys, in addition to `all`.
    pub keys: DateTime<Utc>,
}

/// Deletes up to `limit` old revocations, but never the newest one: servers use it to detect a restored table.
pub fn purge(connection: &mut AnyConnection, before: Cutoffs, limit: i64) -> Result<usize, StoreError> {
    let newest = counter(connection)?.seq;
    let is_old = revocations::kind.ne(KEY).or(revocations::at.lt(before.keys.naive_utc()));
    let old: Vec<i64> = revocations::table
        .filter(revocations::at.lt(before.all.naive_utc()).and(is_old).and(revocations::seq.ne(newest)))
        .order(revocations::at)
        .limit(limit)
        .select(revocations::seq)
        .load(connection)?;
    Ok(diesel::delete(revocations::table.filter(revocations::seq.eq_any(old))).execute(connection)?)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = revocations)]
struct Row {
    seq: i64,
    kind: String,
    subject: String,
    version: Option<i64>,
    at: NaiveDateTime,
}

fn columns(revocation: &Revocation) -> (&'static str, String, Option<i64>) {
    match revocation {
        Revocation::Session(session) => ("session", session.to_string(), None),
        Revocation::User(user, version) => {
            ("user", user.to_string(), Some(i64::try_from(*version).unwrap_or(i64::MAX)))
        }
        Revocation::Key(kid) => (KEY, kid.clone(), None),
    }
}

impl TryFrom<Row> for StoredRevocation {
    type Error = ImpossibleValue;

    fn try_from(row: Row) -> Result<Self, ImpossibleValue> {
        let impossible = |column| move |_| ImpossibleValue { column };
        let revocation = match (row.kind.as_str(), row.version) {
            ("session", None) => {
                Revocation::Session(row.subject.parse().map_err(impossible("revocations.subject"))?)
            }
            ("user", Some(version)) => Revocation::User(
                row.subject.parse().map_err(impossible("revocations.subject"))?,
                u64::try_from(version).map_err(|_| ImpossibleValue { column: "revocations.version" })?,
            ),
            (KEY, None) => Revocation::Key(row.subject),
            _ => return Err(ImpossibleValue { column: "revocations.kind" }),
        };
        Ok(Self { seq: row.seq, revocation, at: row.at.and_utc() })
    }
}
