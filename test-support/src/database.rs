//! A new database for each test. Methods named `db_*` bypass the HTTP API.

use std::env;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tempfile::TempDir;

use crate::pgbouncer::PgBouncer;
use crate::{evidence, logs};

/// The PostgreSQL server to run the tests on. Without it they run on SQLite.
const SERVER: &str = "LATCHKEY_TEST_DATABASE_URL";
/// If set, every test connects its servers through a `PgBouncer` of its own.
const THROUGH_PGBOUNCER: &str = "LATCHKEY_TEST_PGBOUNCER";

/// Deleted when dropped, unless it is [kept](TestDatabase::kept).
pub struct TestDatabase {
    pub url: String,
    location: Location,
}

/// `name`: of the schema, which is dropped. Empty if the database is kept.
enum Location {
    Sqlite { _folder: Option<TempDir> },
    Postgres { server: String, name: String, direct: String, pooler: Option<PgBouncer> },
}

/// A transaction on another connection that is not committed yet.
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
        if env::var_os(THROUGH_PGBOUNCER).is_some() {
            return Self::behind_pgbouncer("", "").expect(SERVER);
        }
        if let Ok(server) = env::var(SERVER) {
            return Self::on_postgres(server);
        }
        assert!(env::var_os("LATCHKEY_TEST_REQUIRE_POSTGRES").is_none(), "{SERVER} is not set");
        Self::on_sqlite()
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.location, Location::Postgres { .. })
    }

    /// Runs SQL that both databases support.
    pub fn db_execute(&self, sql: &str) {
        self.connect().execute(sql);
    }

    /// Runs statements in a transaction that stays open until it is [committed](OpenTransaction::commit).
    pub fn db_begin(&self, sql: &str) -> OpenTransaction {
        let mut connection = self.connect();
        connection.execute(if self.is_postgres() { "BEGIN" } else { "BEGIN IMMEDIATE" });
        connection.execute(sql);
        OpenTransaction(connection)
    }

    /// The rows of a query with one text column called `value`.
    pub fn db_texts(&self, sql: &str) -> Vec<String> {
        self.connect().texts(sql)
    }

    /// The value of such a query with one row.
    pub fn db_text(&self, sql: &str) -> String {
        let mut rows = self.db_texts(sql);
        assert_eq!(rows.len(), 1, "{sql}");
        rows.remove(0)
    }

    /// All rows of all tables as text, binary values in hex.
    pub fn db_dump(&self) -> String {
        self.connect().dump(|_| true)
    }

    /// The same without heartbeats and statistics, which servers write in the background, to see whether anything else was
    /// written.
    pub fn db_content(&self) -> String {
        let background = ["servers", "event_counts", "event_counter", "row_counts"];
        self.connect().dump(|table| !background.contains(&table))
    }

    pub fn on_sqlite() -> Self {
        let folder = TempDir::new().expect("a folder");
        let url = format!("sqlite://{}/test.db", folder.path().display());
        Self { url, location: Location::Sqlite { _folder: Some(folder) } }
    }

    /// An existing database, which is kept when this is dropped.
    pub fn kept(url: String) -> Self {
        let location = if url.starts_with("sqlite://") {
            Location::Sqlite { _folder: None }
        } else {
            Location::Postgres { server: url.clone(), name: String::new(), direct: url.clone(), pooler: None }
        };
        Self { url, location }
    }

    /// A new schema in the database with this URL, whose role must be able to create schemas. Creating a schema is a hundred
    /// times faster than creating a database.
    pub fn on_postgres(server: String) -> Self {
        let name = format!("latchkey_{}", uuid::Uuid::new_v4().simple());
        let mut connection = PgConnection::establish(&server).expect("PostgreSQL");
        connection.batch_execute(&format!("CREATE SCHEMA {name}")).expect("a schema");
        // The name identifies the connections to this schema.
        let more = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{more}application_name={name}&options=-c%20search_path%3D{name}");
        Self { url: url.clone(), location: Location::Postgres { server, name, direct: url, pooler: None } }
    }

    /// The same, where `url` leads through a `PgBouncer`. The other methods connect directly. `None` if the tests run on
    /// SQLite. `session`: SQL for each connection of the pooler. `settings`: lines of its configuration.
    pub fn behind_pgbouncer(session: &str, settings: &str) -> Option<Self> {
        logs::listen();
        let mut database = Self::on_postgres(env::var(SERVER).ok()?);
        let Location::Postgres { server, name, pooler, .. } = &mut database.location else { unreachable!() };
        let session = format!("SET search_path = {name}; {session}");
        let started = pooler.insert(PgBouncer::start(server, &session, settings));
        database.url = format!("{}?application_name={name}", started.url());
        Some(database)
    }

    /// The pooler's Unix socket instead of its port.
    pub fn socket_url(&self) -> Option<String> {
        match &self.location {
            Location::Postgres { pooler: Some(pooler), .. } => Some(pooler.socket_url()),
            _ => None,
        }
    }

    /// The value of a query on a connection of the pooler.
    pub fn db_pooled_text(&self, sql: &str) -> String {
        let mut pooled = PgConnection::establish(&self.url).expect("PgBouncer");
        let cell: Cell = diesel::sql_query(sql).get_result(&mut pooled).expect(sql);
        cell.value
    }

    /// Terminates every connection to it on the server.
    pub fn db_cut(&self) {
        let Location::Postgres { server, name, .. } = &self.location else {
            panic!("SQLite has no connections")
        };
        let mut connection = PgConnection::establish(server).expect("PostgreSQL");
        connection.batch_execute(&cut(name)).expect("connections of our own");
    }

    fn connect(&self) -> AnyConnection {
        self.try_connect().expect("a database")
    }

    fn try_connect(&self) -> ConnectionResult<AnyConnection> {
        match &self.location {
            Location::Sqlite { .. } => {
                let path = self.url.strip_prefix("sqlite://").expect("an SQLite URL");
                let mut connection = SqliteConnection::establish(path)?;
                connection
                    .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON")
                    .expect("pragmas");
                Ok(AnyConnection::Sqlite(connection))
            }
            Location::Postgres { direct, .. } => PgConnection::establish(direct).map(AnyConnection::Postgres),
        }
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

    fn texts(&mut self, sql: &str) -> Vec<String> {
        let query = diesel::sql_query(sql);
        let cells: Vec<Cell> = match self {
            Self::Sqlite(connection) => query.load(connection).expect(sql),
            Self::Postgres(connection) => query.load(connection).expect(sql),
        };
        cells.into_iter().map(|cell| cell.value).collect()
    }

    fn dump(&mut self, is_wanted: impl Fn(&str) -> bool) -> String {
        let tables = self.texts(match self {
            Self::Sqlite(_) => "SELECT name AS value FROM sqlite_master WHERE type = 'table'",
            Self::Postgres(_) => "SELECT tablename AS value FROM pg_tables WHERE schemaname = current_schema",
        });
        let rows = |table: &String| {
            let row = self.row(table);
            self.texts(&format!("SELECT {row} AS value FROM {table}")).join("\n")
        };
        tables.iter().filter(|table| is_wanted(table)).map(rows).collect::<Vec<_>>().join("\n")
    }

    /// A row of the table as one text, in SQL.
    fn row(&mut self, table: &str) -> String {
        match self {
            Self::Sqlite(_) => {
                let columns = self.texts(&format!("SELECT name AS value FROM pragma_table_info('{table}')"));
                columns
                    .iter()
                    .map(|name| format!("quote(\"{name}\")"))
                    .collect::<Vec<_>>()
                    .join(" || ' ' || ")
            }
            Self::Postgres(_) => format!("{table}::text"),
        }
    }
}

/// Terminates the connections to the schema with this name.
fn cut(name: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'")
}

/// Hex, as databases print bytes.
pub fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if evidence::is_recorded() {
            match self.try_connect() {
                Ok(mut connection) => {
                    evidence::exposed(evidence::Sink::Database, connection.dump(|_| true).as_bytes());
                }
                // Some tests stop or delete the database.
                Err(error) => assert!(self.is_postgres(), "{error}"),
            }
        }
        if let Location::Postgres { server, name, .. } = &self.location
            && !name.is_empty()
        {
            // A connection of a server that still runs would block this.
            let end = format!("{}; DROP SCHEMA {name} CASCADE", cut(name));
            let dropped =
                PgConnection::establish(server).map(|mut connection| connection.batch_execute(&end));
            if !matches!(dropped, Ok(Ok(()))) {
                eprintln!("could not drop {name}: {dropped:?}");
            }
        }
    }
}
