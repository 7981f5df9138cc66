use std::io::Write;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use uuid::Uuid;

use crate::store::database::existing;
use crate::store::schema::TableDescription;
use crate::store::servers::{self, SILENT_AFTER};
use crate::store::transaction::transaction_once;
use crate::store::transfer::checksum::Checksum;
use crate::store::transfer::file::{FORMAT, Header, Writer};
use crate::store::transfer::{TransferError, row, tables};
use crate::store::{AnyConnection, DatabaseUrl, StoreError, migrations};

pub struct Export {
    /// Export although servers are running.
    pub live: bool,
    pub now: DateTime<Utc>,
}

/// Writes all data of one moment. `progress` gets the rows written, and their total.
///
/// # Errors
/// The file is then incomplete, and an import rejects it.
pub fn export(
    url: &DatabaseUrl,
    options: &Export,
    out: impl Write,
    mut progress: impl FnMut(u64, u64),
) -> Result<Vec<(&'static str, u64)>, TransferError> {
    let mut connection = existing(url, migrations::check).map_err(TransferError::Database)?;
    let start = snapshot(&connection);
    transaction_once(&mut connection, start, |connection| {
        let running = running(connection, options.now)?;
        if running > 0 && !options.live {
            return Err(TransferError::ServersRun(running));
        }
        let counts = tables().map(|table| Ok((table, count(connection, table)?)));
        let counts = counts.collect::<Result<Vec<_>, StoreError>>()?;
        let (mut done, total) = (0, counts.iter().map(|(_, count)| count).sum());
        let header = Header {
            latchkey_export: FORMAT,
            id: Uuid::new_v4().simple().to_string(),
            schema: migrations::newest().map_err(TransferError::Database)?,
            exported_at: options.now.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            live: running > 0,
        };
        let mut file = Writer::new(out, &header)?;
        let mut finished = Vec::new();
        for (table, rows) in counts {
            file.table(table, rows)?;
            let mut checksum = Checksum::default();
            row::each(connection, table, |row| {
                let line = row.to_json();
                checksum.add(line.as_bytes());
                file.line(&line)?;
                done += 1;
                progress(done, total);
                Ok::<_, TransferError>(())
            })?;
            finished.push((table, checksum));
        }
        file.finish(&finished)?;
        Ok(finished.iter().map(|(table, checksum)| (table.name, checksum.rows)).collect())
    })
}

/// All reads see the database as it was at the first one. The file may be written slowly.
fn snapshot(connection: &AnyConnection) -> &'static str {
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
             SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
        }
        AnyConnection::Sqlite(_) => "BEGIN",
    }
}

/// How many servers have sent a heartbeat lately.
pub fn running(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<usize, StoreError> {
    Ok(servers::all(connection, now)?.iter().filter(|(_, age)| *age < SILENT_AFTER).count())
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

pub fn count(connection: &mut AnyConnection, table: &TableDescription) -> Result<u64, StoreError> {
    let query = sql_query(format!("SELECT COUNT(*) AS count FROM {}", table.name));
    let Count { count } = query.get_result(connection)?;
    Ok(count.unsigned_abs())
}
