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
/// Do not use the derived `establish`: it tries one backend after the other, hides the original error, and can create an
/// SQLite file named like a PostgreSQL URL.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
    Sqlite(diesel::SqliteConnection),
}

/// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`. Never prints the password.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    Postgres(SecretString),
    Sqlite(PathBuf),
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() {
                return Err("has no path: use a URL such as sqlite://data/latchkey.db".to_owned());
            }
            return Ok(Self::Sqlite(path.into()));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // libpq's error messages contain a URL that it cannot parse, with the password.
            if !is_well_formed(url) {
                return Err(
                    "is not a valid URL: percent-encode special characters in the password".to_owned()
                );
            }
            if cfg!(feature = "postgres") {
                return Ok(Self::Postgres(url.into()));
            }
            return Err("is for PostgreSQL: build auth-server with the feature `postgres`".to_owned());
        }
        Err("must start with sqlite:// or postgres://".to_owned())
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
            Self::Postgres(_) => f.write_str("PostgreSQL database"),
            Self::Sqlite(path) => write!(f, "SQLite database {}", path.display()),
        }
    }
}

impl DatabaseUrl {
    /// Creates a missing SQLite file and its folder. Call this once, before any connection.
    ///
    /// Does not open an existing file: closing any descriptor of it would release all locks that this process holds on it
    /// (POSIX), and the next process that closes the database would delete the WAL in use.
    pub(super) fn create_missing_file(&self) -> std::io::Result<()> {
        let Self::Sqlite(path) = self else { return Ok(()) };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Other users of the machine must not read password hashes. SQLite gives its side files the same mode.
        let mut file = std::fs::OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        match file.write(true).create_new(true).open(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether the SQLite file exists. For PostgreSQL only a connection can show that.
    pub(super) fn exists(&self) -> bool {
        match self {
            Self::Postgres(_) => true,
            Self::Sqlite(path) => path.exists(),
        }
    }

    pub(super) fn connect(&self) -> ConnectionResult<AnyConnection> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => connect_postgres(url.expose_secret()),
            #[cfg(not(feature = "postgres"))]
            Self::Postgres(url) => Err(ConnectionError::InvalidConnectionUrl(format!(
                "this build does not support PostgreSQL ({} characters of URL)",
                url.expose_secret().len()
            ))),
            Self::Sqlite(path) => connect_sqlite(path),
        }
    }
}

#[cfg(feature = "postgres")]
fn connect_postgres(url: &str) -> ConnectionResult<AnyConnection> {
    let mut connection = diesel::PgConnection::establish(&with_timeouts(url))?;
    // A hanging statement must not occupy a connection and its row locks forever.
    connection
        .batch_execute("SET statement_timeout = '10s'; SET lock_timeout = '5s'; SET TIME ZONE 'UTC'")
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(AnyConnection::Postgres(connection))
}

/// Timeouts for an unreachable database host. libpq's defaults are those of the operating system, minutes or hours. In
/// seconds, except `tcp_user_timeout` in milliseconds. Values in the operator's URL take precedence.
#[cfg(feature = "postgres")]
const NETWORK_TIMEOUTS: [(&str, &str); 5] = [
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
    let ours = NETWORK_TIMEOUTS
        .iter()
        .filter(|(name, _)| !is_given(name))
        .map(|(name, value)| format!("{name}={value}"));
    let all: Vec<String> = given.iter().map(ToString::to_string).chain(ours).collect();
    format!("{}?{}", url.split('?').next().unwrap_or(url), all.join("&"))
}

fn connect_sqlite(path: &Path) -> ConnectionResult<AnyConnection> {
    let mut connection = diesel::SqliteConnection::establish(&path.to_string_lossy())?;
    // busy_timeout first: switching to WAL requires a lock that another server may hold.
    // FULL: a rotation whose response was sent must survive a power failure. Otherwise the client's token is newer than the row.
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
    fn the_scheme_selects_the_database() {
        assert!(matches!("sqlite://data/x.db".parse(), Ok(DatabaseUrl::Sqlite(_))));
        for url in ["", "sqlite://", "data/x.db", "mysql://x"] {
            assert!(url.parse::<DatabaseUrl>().is_err(), "{url}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn timeouts_in_the_operators_url_take_precedence() {
        let timeouts = "keepalives_idle=10&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=10000";
        let url = "postgres://ann@db/latchkey";
        assert_eq!(super::with_timeouts(url), format!("{url}?connect_timeout=3&{timeouts}"));
        let url = "postgres://ann@db/latchkey?sslmode=require&connect_timeout=9";
        assert_eq!(super::with_timeouts(url), format!("{url}&{timeouts}"));
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
