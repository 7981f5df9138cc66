use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use diesel::ConnectionResult;
use diesel::r2d2::{ManageConnection, R2D2Connection};

#[cfg(feature = "postgres")]
use crate::store::postgres::{self, PostgresUrl};
use crate::store::sqlite;

/// A connection to either database.
///
/// Do not use the derived `establish`: it tries one backend after the other, hides the original error, and can create an
/// SQLite file named like a PostgreSQL URL.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
    Sqlite(diesel::SqliteConnection),
}

/// Evaluates an expression with the connection of the backend. Through an [`AnyConnection`], Diesel builds the text of a statement
/// each time, even of a prepared one.
macro_rules! on_backend {
    ($connection:expr, |$of_backend:ident| $expression:expr) => {
        match $connection {
            #[cfg(feature = "postgres")]
            $crate::store::AnyConnection::Postgres($of_backend) => $expression,
            $crate::store::AnyConnection::Sqlite($of_backend) => $expression,
        }
    };
}
pub(super) use on_backend;

/// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`. Never prints the password.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    #[cfg(feature = "postgres")]
    Postgres(PostgresUrl),
    Sqlite(PathBuf),
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let url = url.trim();
        if let Some(path) = url.strip_prefix("sqlite:") {
            return sqlite::parse(path.strip_prefix("//").unwrap_or(path)).map(Self::Sqlite);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            #[cfg(feature = "postgres")]
            return PostgresUrl::parse(url).map(Self::Postgres);
            #[cfg(not(feature = "postgres"))]
            return Err("is for PostgreSQL: build auth-server with the feature `postgres`".to_owned());
        }
        Err("must be a URL that starts with sqlite:// or postgres://, such as sqlite://data/latchkey.db"
            .to_owned())
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(url) if url.is_pooled() => f.write_str("PostgreSQL database behind a pooler"),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => f.write_str("PostgreSQL database"),
            Self::Sqlite(path) => write!(f, "SQLite database {}", path.display()),
        }
    }
}

impl DatabaseUrl {
    /// Creates a missing SQLite file and its folder. Call this once, before any connection.
    pub(super) fn create_missing_file(&self) -> std::io::Result<()> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Ok(()),
            Self::Sqlite(path) => sqlite::create_missing(path),
        }
    }

    /// The files of an SQLite database, which may not exist.
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Vec::new(),
            Self::Sqlite(path) => sqlite::files(path).into(),
        }
    }

    /// Whether the SQLite file exists. For PostgreSQL only a connection can show that.
    pub(super) fn exists(&self) -> bool {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
            Self::Sqlite(path) => path.exists(),
        }
    }

    pub(super) fn connect(&self) -> ConnectionResult<AnyConnection> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => url.connect().map(AnyConnection::Postgres),
            Self::Sqlite(path) => sqlite::connect(path).map(AnyConnection::Sqlite),
        }
    }

    /// The SQL that starts a transaction. SQLite takes its write lock immediately: a transaction that first reads and then
    /// writes would fail under load with "database is locked", without waiting.
    pub(super) fn begin(&self) -> &'static str {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(url) if url.is_pooled() => postgres::BEGIN_BEHIND_POOLER,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "BEGIN",
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
        }
    }

    /// Whether each transaction of a connection may have another session. Known after the first connection.
    pub(super) fn is_pooled(&self) -> bool {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => url.is_pooled(),
            Self::Sqlite(_) => false,
        }
    }
}

/// Checks that a PostgreSQL database stores any text and, for a server, that an SQLite file can be written. On PostgreSQL the
/// migrations show that.
pub(super) fn check(connection: &mut AnyConnection, is_for_server: bool) -> Result<(), String> {
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(connection) => postgres::check_encoding(connection),
        AnyConnection::Sqlite(connection) if is_for_server => {
            sqlite::check_writable(connection).map_err(|error| error.to_string())
        }
        AnyConnection::Sqlite(_) => Ok(()),
    }
}

impl ManageConnection for DatabaseUrl {
    type Connection = AnyConnection;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<AnyConnection, Self::Error> {
        self.connect().map_err(diesel::r2d2::Error::ConnectionError)
    }

    /// Called at every checkout, so it sends no statement.
    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), Self::Error> {
        match connection {
            #[cfg(feature = "postgres")]
            AnyConnection::Postgres(connection) => {
                postgres::check_open(connection).map_err(diesel::r2d2::Error::QueryError)
            }
            AnyConnection::Sqlite(_) => Ok(()),
        }
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::store::connection::DatabaseUrl;

    #[test]
    fn the_scheme_selects_the_database() {
        for (url, path) in [
            ("sqlite://data/x.db", "data/x.db"),
            ("sqlite:///data/x.db", "/data/x.db"),
            ("sqlite:x.db", "x.db"),
            ("sqlite:/data/x.db", "/data/x.db"),
            (" sqlite://data/x.db \n", "data/x.db"),
            ("sqlite://50%20 off#1.db", "50%20 off#1.db"),
        ] {
            #[cfg_attr(not(feature = "postgres"), expect(irrefutable_let_patterns))]
            let Ok(DatabaseUrl::Sqlite(parsed)) = url.parse() else { panic!("{url}") };
            assert_eq!(parsed, Path::new(path), "{url}");
        }
        let url = "host=db dbname=latchkey";
        for url in ["", "data/x.db", "file:x.db", "mysql://x", "jdbc:postgresql://db/x", "postgres:db", url] {
            let error = url.parse::<DatabaseUrl>().expect_err(url);
            assert!(error.contains("sqlite:// or postgres://"), "{url} {error}");
        }
    }

    #[test]
    fn what_sqlite_would_take_for_something_else_than_a_file_is_rejected() {
        for (url, reason) in [
            ("sqlite://", "no path"),
            ("sqlite:", "no path"),
            ("sqlite://?mode=memory", "no path"),
            ("sqlite://x.db?mode=rwc", "mode=rwc"),
            ("sqlite::memory:", "in memory"),
            ("sqlite://:memory:", "in memory"),
            ("sqlite:///:memory:", "in memory"),
            ("sqlite://:memory:?cache=shared", "in memory"),
            ("sqlite://file:x.db", "`file:`"),
            ("sqlite:file:x.db?mode=memory", "`file:`"),
            ("sqlite://data/", "folder"),
            ("sqlite://~/x.db", "whole path"),
            ("sqlite://localhost/data/x.db", "whole path"),
        ] {
            let error = url.parse::<DatabaseUrl>().expect_err(url);
            assert!(error.contains(reason), "{url} {error}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_password_is_never_printed() {
        let url: DatabaseUrl = "postgres://ann:hunter2@db/latchkey".parse().unwrap();
        assert!(!format!("{url} {url:?}").contains("hunter2"));
    }
}
