//! An import is marked in the table of migrations until it is complete and verified. Servers and commands of any version refuse a
//! database with an unknown migration.

use std::io::BufRead;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;

use crate::store::database::existing;
use crate::store::transaction::transaction_once;
use crate::store::transfer::checksum::Checksum;
use crate::store::transfer::export::{count, running};
use crate::store::transfer::file::{Contents, Header, Reader};
use crate::store::transfer::{TransferError, row, tables};
use crate::store::{AnyConnection, DatabaseUrl, StoreError, migrations};

/// The tables with rows that migrations insert. The import replaces them.
const INITIAL_ROWS: [&str; 2] = ["revocation_counter", "event_counter"];

/// Events get higher numbers than any that a listener or the statistics have seen.
#[cfg(feature = "postgres")]
const NUMBER_EVENTS_POSTGRES: &str = "SELECT setval(pg_get_serial_sequence('events', 'id'),
    GREATEST(1, (SELECT MAX(id) FROM events), (SELECT MAX(seen_id) FROM event_counter)))";
const NUMBER_EVENTS_SQLITE: &str = "DELETE FROM sqlite_sequence WHERE name = 'events';
    INSERT INTO sqlite_sequence (name, seq)
    SELECT 'events', MAX(COALESCE((SELECT MAX(id) FROM events), 0), COALESCE((SELECT MAX(seen_id) FROM event_counter), 0))";

/// Imports a file into an empty database, or continues an import of the same file. `progress` gets the number of bytes read.
///
/// # Errors
/// No server starts on the database until an import of the same file has been completed.
pub fn import(
    url: &DatabaseUrl,
    source: impl BufRead,
    now: DateTime<Utc>,
    mut progress: impl FnMut(u64),
) -> Result<Contents, TransferError> {
    let mut connection = existing(url, migrations::check_for_import).map_err(TransferError::Database)?;
    let start = unhurried(&connection, url);
    let mut file = Reader::new(source)?;
    let header = file.header.clone();
    transaction_once(&mut connection, start, |connection| begin(connection, &header, now))?;
    for table in tables() {
        file.table(table)?;
        // Each page was committed as a whole, in the order of the file.
        let mut there: u64 = transaction_once(&mut connection, start, |connection| count(connection, table))?;
        loop {
            let mut rows = file.page()?;
            if rows.is_empty() {
                break;
            }
            let skipped = there.min(rows.len() as u64);
            there -= skipped;
            rows.drain(..usize::try_from(skipped).unwrap_or(rows.len()));
            if !rows.is_empty() {
                transaction_once(&mut connection, start, |connection| row::insert(connection, table, rows))?;
            }
            progress(file.bytes());
        }
    }
    let contents = file.finish()?;
    transaction_once(&mut connection, start, |connection| finish(connection, &contents))?;
    Ok(contents)
}

/// Marks the database, or finds the mark of an earlier run.
fn begin(connection: &mut AnyConnection, header: &Header, now: DateTime<Utc>) -> Result<(), TransferError> {
    // Locks the row, so that of two imports one waits for the other.
    execute(connection, "UPDATE guards SET taken = taken + 1 WHERE name = 'last_administrator'")?;
    let running = running(connection, now)?;
    if running > 0 {
        return Err(TransferError::ServersRun(running));
    }
    match migrations::unfinished_import(connection)? {
        Some(id) if id == header.id => return Ok(()),
        Some(_) => return Err(TransferError::OtherImport),
        None => {}
    }
    for table in tables().filter(|table| !INITIAL_ROWS.contains(&table.name)) {
        if !row::page(connection, table, None)?.is_empty() {
            return Err(TransferError::NotEmpty(table.name));
        }
    }
    for table in INITIAL_ROWS {
        execute(connection, &format!("DELETE FROM {table}"))?;
    }
    Ok(migrations::mark_import(connection, &header.id)?)
}

/// Compares every row of the database with the file, and removes the mark.
fn finish(connection: &mut AnyConnection, contents: &Contents) -> Result<(), TransferError> {
    for (table, expected) in &contents.tables {
        let mut checksum = Checksum::default();
        row::each(connection, table, |row| {
            checksum.add(row.to_json().as_bytes());
            Ok::<_, StoreError>(())
        })?;
        if checksum != *expected {
            return Err(TransferError::Differs(table.name));
        }
    }
    let number_events = match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => NUMBER_EVENTS_POSTGRES,
        AnyConnection::Sqlite(_) => NUMBER_EVENTS_SQLITE,
    };
    execute(connection, number_events)?;
    Ok(migrations::unmark_import(connection, &contents.header.id)?)
}

/// Starts a transaction that may take as long as the tables are large.
fn unhurried(connection: &AnyConnection, url: &DatabaseUrl) -> &'static str {
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => {
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '5s';
             SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
             SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
        }
        AnyConnection::Sqlite(_) => url.begin(),
    }
}

fn execute(connection: &mut AnyConnection, sql: &str) -> Result<(), StoreError> {
    Ok(connection.batch_execute(sql)?)
}
