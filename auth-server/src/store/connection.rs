use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::{Connection as _, ConnectionError, ConnectionResult, RunQueryDsl};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// A connection to either database.
///
/// Its derived `establish` is never used: it tries one backend after the other, hides the true error, and can
/// leave an SQLite file behind under the name of a PostgreSQL URL.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// Production.
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
    /// Embedded.
    Sqlite(diesel::SqliteConnection),
}

/// Where the data is: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`. Prints without the password.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// A libpq URL.
    Postgres(SecretString),
    /// A file.
    Sqlite(PathBuf),
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() {
                return Err("names no file: sqlite://data/latchkey.db would be right".to_owned());
            }
            return Ok(Self::Sqlite(path.into()));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // libpq would print what it cannot parse, password included.
            if !is_well_formed(url) {
                return Err("is no URL: percent-encode what is special in the password".to_owned());
            }
            if cfg!(feature = "postgres") {
                return Ok(Self::Postgres(url.into()));
            }
            return Err(
                "this build has no PostgreSQL: build auth-server with the feature `postgres`".to_owned()
            );
        }
        Err("begins with neither sqlite:// nor postgres://".to_owned())
    }
}

fn is_well_formed(url: &str) -> bool {
    let is_encoded =
        |rest: &str| rest.get(..2).is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
    Url::parse(url).is_ok() && url.split('%').skip(1).all(is_encoded)
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(_) => f.write_str("PostgreSQL"),
            Self::Sqlite(path) => write!(f, "SQLite in {}", path.display()),
        }
    }
}

impl DatabaseUrl {
    /// Makes an SQLite file, and its folder, where they are missing. To be called once, before any connection.
    ///
    /// A file that is there is not even opened: closing any descriptor of it would drop all locks that this process
    /// holds on it (POSIX), and the next process to close the database would take the WAL away from under us.
    pub(super) fn make_missing_file(&self) -> std::io::Result<()> {
        let Self::Sqlite(path) = self else { return Ok(()) };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Password hashes are nobody else's business on a shared machine; SQLite gives its side files the same mode.
        let mut file = std::fs::OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        match file.write(true).create_new(true).open(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a connection would not make an SQLite file. Of PostgreSQL only a connection can tell.
    pub(super) fn is_there(&self) -> bool {
        match self {
            Self::Postgres(_) => true,
            Self::Sqlite(path) => path.exists(),
        }
    }

    /// Opens one connection.
    pub(super) fn connect(&self) -> ConnectionResult<AnyConnection> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => connect_postgres(url.expose_secret()),
            #[cfg(not(feature = "postgres"))]
            Self::Postgres(url) => Err(ConnectionError::InvalidConnectionUrl(format!(
                "this build has no PostgreSQL ({} characters of URL)",
                url.expose_secret().len()
            ))),
            Self::Sqlite(path) => connect_sqlite(path),
        }
    }
}

#[cfg(feature = "postgres")]
fn connect_postgres(url: &str) -> ConnectionResult<AnyConnection> {
    let mut connection = diesel::PgConnection::establish(&with_timeouts(url))?;
    // A statement that hangs must not hold a request, a pool place and row locks for good.
    connection
        .batch_execute("SET statement_timeout = '10s'; SET lock_timeout = '5s'; SET TIME ZONE 'UTC'")
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(AnyConnection::Postgres(connection))
}

/// What libpq leaves to the operating system, which waits for minutes or hours: how long a machine that says nothing any
/// more counts as there. In seconds, the last in milliseconds. What the operator's URL says has precedence.
#[cfg(feature = "postgres")]
const LIMITS: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
];

#[cfg(feature = "postgres")]
fn with_timeouts(url: &str) -> String {
    let query = url.split_once('?').map(|(_, query)| query);
    let given: Vec<&str> = query.map(|query| query.split('&').collect()).unwrap_or_default();
    let is_given = |name: &str| given.iter().any(|pair| pair.split('=').next() == Some(name));
    let ours =
        LIMITS.iter().filter(|(name, _)| !is_given(name)).map(|(name, value)| format!("{name}={value}"));
    let all: Vec<String> = given.iter().map(ToString::to_string).chain(ours).collect();
    format!("{}?{}", url.split('?').next().unwrap_or(url), all.join("&"))
}

fn connect_sqlite(path: &Path) -> ConnectionResult<AnyConnection> {
    let mut connection = diesel::SqliteConnection::establish(&path.to_string_lossy())?;
    // busy_timeout first: switching to WAL takes a lock that another server may hold at this moment.
    // FULL: a rotation that was answered must survive a power cut, or the client holds a token from the future.
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
        )
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(AnyConnection::Sqlite(connection))
}

impl ManageConnection for DatabaseUrl {
    type Connection = AnyConnection;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<AnyConnection, Self::Error> {
        self.connect().map_err(diesel::r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), Self::Error> {
        diesel::sql_query("SELECT 1").execute(connection).map(drop).map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}

#[cfg(test)]
mod tests {
    use crate::store::connection::DatabaseUrl;

    #[test]
    fn a_url_is_told_by_its_scheme() {
        assert!(matches!("sqlite://data/x.db".parse(), Ok(DatabaseUrl::Sqlite(_))));
        for url in ["", "sqlite://", "data/x.db", "mysql://x"] {
            assert!(url.parse::<DatabaseUrl>().is_err(), "{url}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn limits_that_the_operator_has_set_stay() {
        let limits = "keepalives_idle=10&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=10000";
        let url = "postgres://ann@db/latchkey";
        assert_eq!(super::with_timeouts(url), format!("{url}?connect_timeout=3&{limits}"));
        let url = "postgres://ann@db/latchkey?sslmode=require&connect_timeout=9";
        assert_eq!(super::with_timeouts(url), format!("{url}&{limits}"));
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_password_is_never_printed() {
        let url: DatabaseUrl = "postgres://ann:hunter2@db/latchkey".parse().unwrap();
        assert!(!format!("{url} {url:?}").contains("hunter2"));
        for wrong in [
            "postgres://ann:hunter2%@db/x",
            "postgres://ann:100%hunter2@db/x",
            "postgres://ann:hunter2@[::/x",
        ] {
            let error = wrong.parse::<DatabaseUrl>().unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
