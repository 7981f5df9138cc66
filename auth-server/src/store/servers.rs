//! The table `servers`: the auth servers that run on this database. Ages are measured with the database's clock, because the
//! clocks of the servers may differ. SQLite has none: there the servers' own clock counts.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;

#[cfg(feature = "postgres")]
use crate::store::health::CLOCK;
use crate::store::health::clock;
use crate::store::schema::servers;
use crate::store::{AnyConnection, StoreError};

/// A server without a heartbeat for this long has crashed, or cannot reach the database.
pub const SILENT_AFTER: TimeDelta = TimeDelta::seconds(30);
/// For this long a server that crashed is listed.
const RETENTION: TimeDelta = TimeDelta::days(1);
/// More than share a database in practice.
const MAX_SERVERS: i64 = 1000;

/// A server when it sent its last heartbeat.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = servers)]
pub struct StoredServer {
    pub id: String,
    pub host: String,
    pub version: String,
    /// JSON object, without secrets.
    pub settings: String,
    pub started_at: NaiveDateTime,
    pub seen_at: NaiveDateTime,
    /// `seen_at` by the server's clock. `None` in SQLite, where `seen_at` is that.
    pub own_time: Option<NaiveDateTime>,
    pub can_sign: bool,
    /// `None` while mail is off.
    pub mail: Option<String>,
}

/// Records a heartbeat in one small statement; only the first one inserts the row. `seen_at`: by the server's clock.
pub fn beat(connection: &mut AnyConnection, server: &StoredServer) -> Result<(), StoreError> {
    let row = servers::table.filter(servers::id.eq(&server.id));
    let news = (servers::can_sign.eq(server.can_sign), servers::mail.eq(&server.mail));
    let changed = match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(connection) => {
            let seen_at = servers::seen_at.eq(diesel::dsl::sql::<diesel::sql_types::Timestamp>(CLOCK));
            diesel::update(row)
                .set((news, seen_at, servers::own_time.eq(server.seen_at)))
                .execute(connection)?
        }
        AnyConnection::Sqlite(connection) => {
            diesel::update(row).set((news, servers::seen_at.eq(server.seen_at))).execute(connection)?
        }
    };
    if changed == 0 {
        let time = clock(connection)?;
        let first = StoredServer {
            seen_at: time.unwrap_or(server.seen_at),
            own_time: time.map(|_| server.seen_at),
            ..server.clone()
        };
        diesel::insert_into(servers::table).values(first).execute(connection)?;
    }
    Ok(())
}

/// The servers, and how long ago each sent its last heartbeat.
pub fn all(
    connection: &mut AnyConnection,
    own_time: DateTime<Utc>,
) -> Result<Vec<(StoredServer, TimeDelta)>, StoreError> {
    let now = clock(connection)?.unwrap_or(own_time.naive_utc());
    let rows: Vec<StoredServer> = servers::table
        .filter(servers::seen_at.ge(now - RETENTION))
        .order((servers::host, servers::started_at, servers::id))
        .limit(MAX_SERVERS)
        .select(StoredServer::as_select())
        .load(connection)?;
    Ok(rows.into_iter().map(|server| (server.clone(), now - server.seen_at)).collect())
}

pub fn delete(connection: &mut AnyConnection, id: &str) -> Result<usize, StoreError> {
    Ok(diesel::delete(servers::table.filter(servers::id.eq(id))).execute(connection)?)
}

/// Deletes servers without a heartbeat for a day.
pub fn purge(
    connection: &mut AnyConnection,
    own_time: DateTime<Utc>,
    limit: i64,
) -> Result<usize, StoreError> {
    let before = clock(connection)?.unwrap_or(own_time.naive_utc()) - RETENTION;
    let old: Vec<String> = servers::table
        .filter(servers::seen_at.lt(before))
        .limit(limit)
        .select(servers::id)
        .load(connection)?;
    Ok(diesel::delete(servers::table.filter(servers::id.eq_any(old))).execute(connection)?)
}
