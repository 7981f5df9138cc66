//! Moves all data to another database, through a file. The file is the same for `PostgreSQL` and `SQLite`.

mod checksum;
mod export;
mod file;
mod import;
mod row;

use std::io;

use crate::store::StoreError;
use crate::store::schema::{TABLES, TableDescription};

pub use export::{Export, export};
pub use file::{Contents, verify};
pub use import::import;

/// Tables that stay behind: `servers` lists the running servers of one database, `row_counts` is a cache that servers fill, and
/// `guards` has rows to lock, which the migrations insert.
const LEFT: [&str; 3] = ["servers", "row_counts", "guards"];

/// The moved tables, each after those that it refers to.
fn tables() -> impl Iterator<Item = &'static TableDescription> {
    TABLES.iter().filter(|table| !LEFT.contains(&table.name))
}

#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("{0}")]
    File(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// One line.
    #[error("{0}")]
    Database(String),
    #[error("{0} server(s) use the database: stop them first")]
    ServersRun(usize),
    #[error("the file is not an export of auth-server")]
    NotAnExport,
    #[error("the file has format {0}, and this program reads format {format}", format = file::FORMAT)]
    OtherFormat(u64),
    #[error(
        "the file has schema {file}, and this program has schema {program}: export and import with the same version"
    )]
    OtherSchema { file: String, program: String },
    #[error("the file is incomplete: it ends at line {0}")]
    Truncated(u64),
    #[error("the file was altered: line {0} is invalid")]
    InvalidLine(u64),
    #[error("the file was altered: its checksum is wrong")]
    WrongChecksum,
    #[error(
        "the database is not empty: table {0} has rows. Import into a new database, after `auth-server migrate`"
    )]
    NotEmpty(&'static str),
    #[error(
        "an import of another file has begun in this database: continue with that file, or use a new database"
    )]
    OtherImport,
    #[error("table {0} of the database differs from the file: import into a new database")]
    Differs(&'static str),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use test_support::TestDatabase;

    use crate::store::Database;
    use crate::store::schema::{Kind, TABLES};
    use crate::store::transfer::{LEFT, tables};

    fn type_of(kind: Kind, is_postgres: bool) -> &'static str {
        match (kind, is_postgres) {
            (Kind::Text, true) => "text",
            (Kind::Text, false) => "TEXT",
            (Kind::BigInt, true) => "bigint",
            (Kind::BigInt, false) => "BIGINT",
            (Kind::Integer, true) => "integer",
            (Kind::Integer, false) => "INTEGER",
            (Kind::Bool, true) => "boolean",
            (Kind::Bool, false) => "BOOLEAN",
            (Kind::Binary, true) => "bytea",
            (Kind::Binary, false) => "BLOB",
            (Kind::Timestamp, true) => "timestamp without time zone",
            (Kind::Timestamp, false) => "TIMESTAMP",
        }
    }

    /// A migration that adds a column or a table must add it to the schema, and with that to the export.
    #[test]
    fn the_export_has_every_table_and_column_of_the_database() {
        let test = TestDatabase::fresh();
        Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        let catalogue = test.db_texts(if test.is_postgres() {
            "SELECT table_name || '.' || column_name || ' ' || data_type AS value FROM information_schema.columns \
             WHERE table_schema = current_schema AND table_name <> '__diesel_schema_migrations'"
        } else {
            "SELECT m.name || '.' || c.name || ' ' || c.type AS value FROM sqlite_schema m, pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name <> '__diesel_schema_migrations' AND m.name NOT LIKE 'sqlite%'"
        });
        // In SQLite only a column of this type numbers its rows.
        let catalogue =
            catalogue.into_iter().map(|column| column.replace("events.id INTEGER", "events.id BIGINT"));
        let described = TABLES.iter().flat_map(|table| {
            let columns = table.columns.iter();
            columns.map(|column| {
                format!("{}.{} {}", table.name, column.name, type_of(column.kind, test.is_postgres()))
            })
        });
        assert_eq!(described.collect::<BTreeSet<_>>(), catalogue.collect());
        assert_eq!(tables().count(), TABLES.len() - LEFT.len());
    }

    /// Otherwise a page could begin within rows of the same key.
    #[test]
    fn every_table_has_its_primary_key() {
        let test = TestDatabase::fresh();
        Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        let keys = test.db_texts(if test.is_postgres() {
            "SELECT k.table_name || '.' || k.column_name AS value FROM information_schema.key_column_usage k \
             JOIN information_schema.table_constraints c ON c.constraint_schema = k.constraint_schema \
             AND c.constraint_name = k.constraint_name WHERE c.constraint_type = 'PRIMARY KEY' \
             AND k.table_schema = current_schema AND k.table_name <> '__diesel_schema_migrations'"
        } else {
            "SELECT m.name || '.' || c.name AS value FROM sqlite_schema m, pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND c.pk > 0 AND m.name <> '__diesel_schema_migrations'"
        });
        let described = TABLES.iter().flat_map(|table| {
            table.key().map(|index| format!("{}.{}", table.name, table.columns[index].name))
        });
        assert_eq!(described.collect::<BTreeSet<_>>(), keys.into_iter().collect());
    }
}
