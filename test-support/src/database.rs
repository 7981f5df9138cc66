//! A fresh database for every test, and the only way around the HTTP API.

use std::env;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tempfile::TempDir;

use crate::{evidence, logs};

/// Where PostgreSQL is, if that is what the tests are to run on.
const SERVER: &str = "LATCHKEY_TEST_DATABASE_URL";

/// Dropped with the test.
pub struct TestDatabase {
    pub url: String,
    place: Place,
}

enum Place {
    Sqlite { _folder: TempDir },
    Postgres { server: String, name: String },
}

/// What somebody else has written and not committed.
pub struct OpenTransaction(AnyConnection);

enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = Text)]
    value: String,
}

impl TestDatabase {
    pub fn fresh() -> Self {
        logs::listen();
        if let Ok(server) = env::var(SERVER) {
            return Self::on_postgres(server);
        }
        assert!(env::var_os("LATCHKEY_TEST_REQUIRE_POSTGRES").is_none(), "{SERVER} is not set");
        Self::on_sqlite()
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Postgres { .. })
    }

    /// Runs statements that both databases understand.
    pub fn db_execute(&self, sql: &str) {
        match &self.place {
            Place::Sqlite { .. } => self.sqlite().batch_execute(sql).expect(sql),
            Place::Postgres { .. } => self.postgres().batch_execute(sql).expect(sql),
        }
    }

    /// Runs statements in a transaction that stays open until it is [committed](OpenTransaction::commit).
    pub fn db_begin(&self, sql: &str) -> OpenTransaction {
        let (begin, mut connection) = match &self.place {
            Place::Sqlite { .. } => ("BEGIN IMMEDIATE", AnyConnection::Sqlite(self.sqlite())),
            Place::Postgres { .. } => ("BEGIN", AnyConnection::Postgres(self.postgres())),
        };
        connection.execute(begin);
        connection.execute(sql);
        OpenTransaction(connection)
    }

    /// Every row of a query whose one column is a text called `value`.
    pub fn db_texts(&self, sql: &str) -> Vec<String> {
        let query = diesel::sql_query(sql);
        let cells: Vec<Cell> = match &self.place {
            Place::Sqlite { .. } => query.load(&mut self.sqlite()).expect(sql),
            Place::Postgres { .. } => query.load(&mut self.postgres()).expect(sql),
        };
        cells.into_iter().map(|cell| cell.value).collect()
    }

    /// The one value of such a query.
    pub fn db_text(&self, sql: &str) -> String {
        let mut rows = self.db_texts(sql);
        assert_eq!(rows.len(), 1, "{sql}");
        rows.remove(0)
    }

    /// Every row of every table, as the database itself would write it; binary values in hex.
    pub fn db_dump(&self) -> String {
        let tables = match &self.place {
            Place::Sqlite { .. } => "SELECT name AS value FROM sqlite_master WHERE type = 'table'",
            Place::Postgres { .. } => {
                "SELECT tablename AS value FROM pg_tables WHERE schemaname = current_schema"
            }
        };
        let rows = |table: &String| {
            let row = match &self.place {
                Place::Sqlite { .. } => self.sqlite_row(table),
                Place::Postgres { .. } => format!("{table}::text"),
            };
            self.db_texts(&format!("SELECT {row} AS value FROM {table}")).join("\n")
        };
        self.db_texts(tables).iter().map(rows).collect::<Vec<_>>().join("\n")
    }

    /// It may be gone, where a test took it away.
    fn answers(&self) -> bool {
        match &self.place {
            Place::Sqlite { .. } => true,
            Place::Postgres { .. } => PgConnection::establish(&self.url).is_ok(),
        }
    }

    fn sqlite_row(&self, table: &str) -> String {
        let columns = self.db_texts(&format!("SELECT name AS value FROM pragma_table_info('{table}')"));
        columns.iter().map(|name| format!("quote(\"{name}\")")).collect::<Vec<_>>().join(" || ' ' || ")
    }

    pub fn on_sqlite() -> Self {
        let folder = TempDir::new().expect("a folder");
        let url = format!("sqlite://{}/test.db", folder.path().display());
        Self { url, place: Place::Sqlite { _folder: folder } }
    }

    /// In a schema of its own of the database that this URL leads to, whose role may make one: a hundred times as fast to
    /// make as a database.
    pub fn on_postgres(server: String) -> Self {
        let name = format!("latchkey_{}", uuid::Uuid::new_v4().simple());
        let mut connection = PgConnection::establish(&server).expect("PostgreSQL");
        connection.batch_execute(&format!("CREATE SCHEMA {name}")).expect("a schema");
        // Each connection says whose it is, so that they can be told apart.
        let more = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{more}application_name={name}&options=-c%20search_path%3D{name}");
        Self { url, place: Place::Postgres { server, name } }
    }

    /// Breaks off every connection to it, at PostgreSQL's end.
    pub fn db_cut(&self) {
        let Place::Postgres { server, name } = &self.place else { panic!("SQLite has no connections") };
        let mut connection = PgConnection::establish(server).expect("PostgreSQL");
        connection.batch_execute(&cut(name)).expect("connections that are ours");
    }

    fn sqlite(&self) -> SqliteConnection {
        let path = self.url.strip_prefix("sqlite://").expect("an SQLite URL");
        let mut connection = SqliteConnection::establish(path).expect("SQLite");
        connection.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON").expect("pragmas");
        connection
    }

    fn postgres(&self) -> PgConnection {
        PgConnection::establish(&self.url).expect("PostgreSQL")
    }
}

impl OpenTransaction {
    pub fn db_execute(&mut self, sql: &str) {
        self.0.execute(sql);
    }

    pub fn commit(mut self) {
        self.0.execute("COMMIT");
    }
}

impl AnyConnection {
    fn execute(&mut self, sql: &str) {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql).expect(sql),
            Self::Postgres(connection) => connection.batch_execute(sql).expect(sql),
        }
    }
}

/// Ends the connections to the schema of this name.
fn cut(name: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'")
}

/// As databases print bytes.
pub fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if evidence::is_kept() && self.answers() {
            evidence::exposed(evidence::Place::Database, self.db_dump().as_bytes());
        }
        if let Place::Postgres { server, name } = &self.place {
            // A server that still runs would keep it.
            let end = format!("{}; DROP SCHEMA {name} CASCADE", cut(name));
            let dropped =
                PgConnection::establish(server).map(|mut connection| connection.batch_execute(&end));
            if !matches!(dropped, Ok(Ok(()))) {
                eprintln!("could not drop {name}: {dropped:?}");
            }
        }
    }
}
