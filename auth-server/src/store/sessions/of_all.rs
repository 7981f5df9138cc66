//! The active sessions of all users, newest login first.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamp};

use crate::model::{ImpossibleValue, Position, Session, SessionId};
use crate::store::sessions::row::Row;
use crate::store::sql::{Sql, Statement};
use crate::store::{AnyConnection, StoreError};

/// Rows that one page may read. Sessions from one address may be far apart, and so may active ones among those that have
/// expired. A page may therefore have fewer sessions than requested, and still a next page. No index contains the address,
/// which a refresh can change.
const MAX_SCANNED: i64 = 10_000;

type Backend = <AnyConnection as diesel::Connection>::Backend;
type Columns = SqlTypeOf<AsSelect<Row, Backend>>;

/// Sessions of a page.
pub struct Found {
    pub sessions: Vec<Session>,
    /// Set if the rows after this position have not been read.
    pub read_until: Option<Position<SessionId>>,
}

/// Up to `limit` active sessions below `below`.
pub fn newest_page(
    connection: &mut AnyConnection,
    ip: Option<&str>,
    below: Option<Position<SessionId>>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Found, StoreError> {
    let sessions = read(connection, page(ip, below, limit, now))?;
    let is_full = i64::try_from(sessions.len()).is_ok_and(|count| count == limit);
    let read_until = if is_full { None } else { end_of_scan(connection, below)? };
    Ok(Found { sessions, read_until })
}

/// In the order of [`Row`].
const COLUMNS: &str = "SELECT id, user_id, client_id, generation, secret_hash, rotated_at, idempotency_key_hash, redeliveries, \
                       delivery, remember, auth_time, created_at, idle_expires_at, expires_at, ended_at, end_reason, ip, user_agent, amr";
const ORDER: &str = " ORDER BY created_at DESC, id DESC";

fn page(
    ip: Option<&str>,
    below: Option<Position<SessionId>>,
    limit: i64,
    now: DateTime<Utc>,
) -> Statement<Columns> {
    let now = now.naive_utc();
    let active = Sql::new("expires_at > ").time(now).sql(" AND idle_expires_at > ").time(now);
    let conditions = [Some(active), ip.map(|ip| Sql::new("ip = ").text(ip))];
    let page = Sql::new(COLUMNS).append(scanned(below)).sql(" WHERE ");
    page.append(Sql::all(conditions.into_iter().flatten()))
        .sql(ORDER)
        .sql(" LIMIT ")
        .number(limit)
        .returning()
}

fn scanned(below: Option<Position<SessionId>>) -> Sql {
    let rows = Sql::new(" FROM (SELECT *").append(source(below));
    rows.sql(ORDER).sql(" LIMIT ").number(MAX_SCANNED).sql(") AS sessions")
}

/// The last row that a page reads, if there are more. In PostgreSQL the index has all that this selects, so no session is read twice.
fn end_of_scan(
    connection: &mut AnyConnection,
    below: Option<Position<SessionId>>,
) -> Result<Option<Position<SessionId>>, StoreError> {
    let last: Option<(NaiveDateTime, String)> = last_scanned(below).get_result(connection).optional()?;
    let position = |(at, id): (NaiveDateTime, String)| {
        let id = id.parse().map_err(|_| ImpossibleValue { column: "sessions.id" })?;
        Ok(Position { at: at.and_utc(), id })
    };
    last.map(position).transpose()
}

fn last_scanned(below: Option<Position<SessionId>>) -> Statement<(Timestamp, Text)> {
    // The offset is bounded.
    let last = Sql::new("SELECT created_at, id").append(source(below)).sql(ORDER).sql(" LIMIT 1 OFFSET ");
    last.number(MAX_SCANNED - 1).returning()
}

fn source(below: Option<Position<SessionId>>) -> Sql {
    let rows = Sql::new(" FROM sessions WHERE ended_at IS NULL");
    match below {
        Some(below) => rows.sql(" AND ").append(Sql::below("created_at", &below)),
        None => rows,
    }
}

fn read(connection: &mut AnyConnection, statement: Statement<Columns>) -> Result<Vec<Session>, StoreError> {
    let rows: Vec<Row> = statement.load(connection)?;
    Ok(rows.into_iter().map(Session::try_from).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use test_support::TestDatabase;

    use crate::store::Database;
    use crate::store::explain::explain;
    use crate::store::sessions::of_all::*;

    #[tokio::test]
    async fn a_page_is_read_from_the_index_of_active_sessions() {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        test.db_execute(
            "INSERT INTO users (id, email, password_hash, version, created_at) \
             VALUES ('ann', 'ann@example.org', '', 1, CURRENT_TIMESTAMP); \
             WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000) \
             INSERT INTO sessions (id, user_id, client_id, generation, secret_hash, rotated_at, delivery, remember, \
             auth_time, created_at, idle_expires_at, expires_at) \
             SELECT 'id' || number, 'ann', 'web', 0, '', CURRENT_TIMESTAMP, 'body', true, CURRENT_TIMESTAMP, \
             CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM numbers; \
             ANALYZE sessions",
        );
        let position = Position { at: DateTime::UNIX_EPOCH, id: SessionId::random() };
        for (ip, below) in [(None, None), (Some("192.0.2.1"), None), (None, Some(position))] {
            let query = page(ip, below, 50, DateTime::UNIX_EPOCH);
            let plan = database.run(move |connection| explain(connection, query)).await.expect("a plan");
            assert!(plan.contains("sessions_by_login"), "{plan}");
            let query = last_scanned(below);
            let plan = database.run(move |connection| explain(connection, query)).await.expect("a plan");
            let (sqlite, postgres) =
                ("INDEX sessions_by_login", "Index Only Scan Backward using sessions_by_login");
            assert!(plan.contains(if test.is_postgres() { postgres } else { sqlite }), "{plan}");
        }
    }
}
