//! The tables `revocations` and `revocation_counter`.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::model::{ImpossibleValue, Revocation};
use crate::store::schema::{revocation_counter, revocations};
use crate::store::{AnyConnection, StoreError};

/// How many go into one statement: others wait for it.
const ROWS: usize = 500;
/// The kind of retired keys.
const KEY: &str = "key";

/// How far the counter has come.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Counter {
    /// Numbers of another epoch mean nothing in this one.
    pub epoch: String,
    /// The last number that was given out.
    pub seq: i64,
}

/// A revocation as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its number.
    pub seq: i64,
    /// What it is about.
    pub revocation: Revocation,
    /// When it was made.
    pub at: DateTime<Utc>,
}

/// Writes revocations. To be the last statements of a transaction: others that revoke something wait from here to its end.
///
/// # Errors
/// The database failed.
pub fn append(
    connection: &mut AnyConnection,
    news: &[Revocation],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let count = i64::try_from(news.len()).unwrap_or(i64::MAX);
    if count == 0 {
        return Ok(());
    }
    let last: i64 = diesel::update(revocation_counter::table)
        .set(revocation_counter::seq.eq(revocation_counter::seq + count))
        .returning(revocation_counter::seq)
        .get_result(connection)?;
    let rows: Vec<Row> = (last - count + 1..)
        .zip(news)
        .map(|(seq, revocation)| {
            let (kind, subject, version) = columns(revocation);
            Row { seq, kind: kind.to_owned(), subject, version, at: now.naive_utc() }
        })
        .collect();
    for some in rows.chunks(ROWS) {
        let insert = diesel::insert_into(revocations::table).values(some);
        match connection {
            #[cfg(feature = "postgres")]
            AnyConnection::Postgres(connection) => insert.execute(connection)?,
            AnyConnection::Sqlite(connection) => insert.execute(connection)?,
        };
    }
    Ok(())
}

/// How far the counter has come.
///
/// # Errors
/// The database failed.
pub fn counter(connection: &mut AnyConnection) -> Result<Counter, StoreError> {
    let row = revocation_counter::table.select((revocation_counter::epoch, revocation_counter::seq));
    Ok(row.first(connection)?)
}

/// Begins another epoch, unless somebody else has done so since the old one was read.
///
/// # Errors
/// The database failed.
pub fn begin_epoch(connection: &mut AnyConnection, old: &str, new: &str) -> Result<(), StoreError> {
    let row = revocation_counter::table.filter(revocation_counter::epoch.eq(old));
    diesel::update(row).set(revocation_counter::epoch.eq(new)).execute(connection)?;
    Ok(())
}

/// How far the counter has come, and all from the number `seq` on up to there, in that order.
///
/// # Errors
/// The database failed.
pub fn since(connection: &mut AnyConnection, seq: i64) -> Result<(Counter, Vec<Stored>), StoreError> {
    let counter = counter(connection)?;
    let rows: Vec<Row> = revocations::table
        .filter(revocations::seq.between(seq, counter.seq))
        .order(revocations::seq)
        .select(Row::as_select())
        .load(connection)?;
    Ok((counter, rows.into_iter().map(Stored::try_from).collect::<Result<_, _>>()?))
}

/// Until when something must have been made to be deleted.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    /// Anything but a retired key.
    pub all: DateTime<Utc>,
    /// A retired key.
    pub keys: DateTime<Utc>,
}

/// Deletes at most `limit` that are older; never the newest, by which servers see that the table is still the one they know.
///
/// # Errors
/// The database failed.
pub fn purge(connection: &mut AnyConnection, before: Before, limit: i64) -> Result<usize, StoreError> {
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

impl TryFrom<Row> for Stored {
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
