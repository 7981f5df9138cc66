//! Connections to PostgreSQL, directly or through a pooler.
//!
//! A pooler such as `PgBouncer` may run each transaction on another connection to the server. Session parameters and
//! prepared statements then belong to other clients as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::{CacheSize, SimpleConnection as _};
use diesel::dsl::sql;
use diesel::result::Error as DieselError;
use diesel::sql_types::Text;
use diesel::{
    Connection as _, ConnectionError, ConnectionResult, PgConnection, QueryResult, RunQueryDsl as _, select,
};
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded::byte_serialize;

/// A parameter that this server invents at connection start. A pooler rejects or drops it.
const MARKER: &str = "latchkey.direct";

/// Replaces defaults of the server, the database and the role. A hanging statement or client must not hold a connection
/// and its row locks forever. READ COMMITTED because the guarded statements rely on it: other levels fail under load. A
/// commit that was reported must survive a crash; stricter values than `on` are kept.
const SESSION: &str = "SELECT current_setting('latchkey.direct');
    SET statement_timeout = '10s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s';
    SET default_transaction_isolation = 'read committed';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// The same for one transaction.
pub const BEGIN_BEHIND_POOLER: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '5s';
    SET LOCAL idle_in_transaction_session_timeout = '10s';
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'";

/// Timeouts for an unreachable database host. libpq's defaults are those of the operating system, minutes or hours. In
/// seconds, except `tcp_user_timeout` in milliseconds. Values in the operator's URL take precedence.
const NETWORK_TIMEOUTS: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
];

/// `postgres://USER:PASSWORD@HOST:PORT,…/NAME?PARAMETER=VALUE&…`, for libpq. Clones share what is known of the pooler.
#[derive(Clone, Debug)]
pub struct PostgresUrl {
    url: SecretString,
    is_pooled: Arc<AtomicBool>,
}

impl PostgresUrl {
    /// Rejects what libpq cannot parse: its error messages would contain the URL, with the password.
    pub fn parse(url: &str) -> Result<Self, String> {
        if !is_well_formed(url) {
            return Err("is not a valid URL: percent-encode special characters in the password".to_owned());
        }
        let (base, parameters) = split(url);
        let (pooler, parameters): (Vec<&str>, Vec<&str>) =
            parameters.into_iter().partition(|pair| pair.starts_with("pgbouncer="));
        if pooler.iter().any(|pair| *pair != "pgbouncer=true") {
            return Err("has a wrong parameter: use pgbouncer=true, or leave it out".to_owned());
        }
        let is_pooled = Arc::new(AtomicBool::new(!pooler.is_empty()));
        Ok(Self { url: join(base, &parameters).into(), is_pooled })
    }

    pub fn is_pooled(&self) -> bool {
        self.is_pooled.load(Ordering::Relaxed)
    }

    pub fn connect(&self) -> ConnectionResult<PgConnection> {
        if let Some(direct) = self.connect_directly()? {
            return Ok(direct);
        }
        let mut connection = PgConnection::establish(&self.with_timeouts())?;
        connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        if !self.is_pooled.swap(true, Ordering::Relaxed) {
            log::info!("DATABASE_URL leads to a connection pooler: statements are not prepared");
        }
        Ok(connection)
    }

    /// `None` if there is a pooler.
    fn connect_directly(&self) -> ConnectionResult<Option<PgConnection>> {
        if self.is_pooled() {
            return Ok(None);
        }
        let mut connection = match PgConnection::establish(&with_marker(&self.with_timeouts())) {
            Ok(connection) => connection,
            // "unsupported startup parameter: options", from PgBouncer.
            Err(ConnectionError::BadConnection(error)) if error.contains("options") => return Ok(None),
            Err(error) => return Err(error),
        };
        match connection.batch_execute(SESSION) {
            Ok(()) => Ok(Some(connection)),
            Err(DieselError::DatabaseError(_, error)) if error.message().contains(MARKER) => Ok(None),
            Err(error) => Err(ConnectionError::CouldntSetupConfiguration(error)),
        }
    }

    fn with_timeouts(&self) -> String {
        let (base, mut parameters) = split(self.url.expose_secret());
        let is_given = |name: &str| parameters.iter().any(|pair| pair.split('=').next() == Some(name));
        let ours: Vec<String> = NETWORK_TIMEOUTS
            .iter()
            .filter(|(name, _)| !is_given(name))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        parameters.extend(ours.iter().map(String::as_str));
        join(base, &parameters)
    }
}

/// Fails if the server has closed the connection. libpq reads what has arrived, without a round trip: nothing from an open
/// connection; from a closed one a last message and then the end, so it reads twice.
pub fn check_open(connection: &mut PgConnection) -> QueryResult<()> {
    for _ in 0..2 {
        connection.notifications_iter().try_for_each(|notification| notification.map(drop))?;
    }
    Ok(())
}

/// In LATIN1 many names cannot be stored, and `SQL_ASCII` accepts bytes that are not text.
pub fn check_encoding(connection: &mut PgConnection) -> Result<(), String> {
    let encoding: String = select(sql::<Text>("current_setting('server_encoding')"))
        .get_result(connection)
        .map_err(|error| error.to_string())?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(format!("its encoding is {encoding}: create another one with ENCODING 'UTF8' TEMPLATE template0"))
}

/// Adds the marker to the options of the URL or, without any, of the environment, which libpq would ignore otherwise.
fn with_marker(url: &str) -> String {
    let (base, parameters) = split(url);
    let (given, others): (Vec<&str>, Vec<&str>) =
        parameters.into_iter().partition(|pair| pair.starts_with("options="));
    let inherited = || byte_serialize(std::env::var("PGOPTIONS").unwrap_or_default().as_bytes()).collect();
    let given: String =
        given.last().map_or_else(inherited, |pair| pair["options=".len()..].to_owned()).replace('+', "%20");
    let options = format!("options={given}%20-c%20{MARKER}%3Don");
    join(base, &[&others[..], &[&options]].concat())
}

/// The URL without parameters, and its parameters.
fn split(url: &str) -> (&str, Vec<&str>) {
    let (credentials, rest) = split_credentials(url);
    match rest.split_once('?') {
        None => (url, Vec::new()),
        Some((before, query)) => {
            let base = &url[..credentials.len() + before.len()];
            (base, query.split('&').filter(|pair| !pair.is_empty()).collect())
        }
    }
}

fn join(base: &str, parameters: &[&str]) -> String {
    if parameters.is_empty() { base.to_owned() } else { format!("{base}?{}", parameters.join("&")) }
}

/// Splits after the `@` of the credentials, as libpq does. The first part has the scheme, too.
fn split_credentials(url: &str) -> (&str, &str) {
    let scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[scheme..].find(['@', '/']).map(|at| at + scheme);
    url.split_at(end.filter(|at| url[*at..].starts_with('@')).map_or(scheme, |at| at + 1))
}

fn is_well_formed(url: &str) -> bool {
    let is_encoded = |rest: &str| {
        rest.get(..2).is_some_and(|code| code != "00" && code.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let (_, rest) = split_credentials(url);
    let rest = rest.split('?').next().unwrap_or_default();
    let (hosts, name) = rest.split_once('/').unwrap_or((rest, ""));
    url.split('%').skip(1).all(is_encoded) && !name.contains(['@', '/']) && hosts.split(',').all(is_host)
}

/// `HOST`, `HOST:PORT`, `[IPV6]:PORT`; either part can be missing.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) if !name.is_empty() && (port.is_empty() || port.starts_with(':')) => {
                (name, port.trim_start_matches(':'))
            }
            _ => return false,
        },
        None => host.split_once(':').unwrap_or((host, "")),
    };
    !name.contains(['@', '[', ']']) && (port.is_empty() || port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use crate::store::postgres::{PostgresUrl, with_marker};

    const TIMEOUTS: &str = "connect_timeout=3&keepalives_idle=10&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=10000";

    fn parsed(url: &str) -> PostgresUrl {
        PostgresUrl::parse(url).unwrap_or_else(|error| panic!("{url} {error}"))
    }

    #[test]
    fn timeouts_in_the_operators_url_take_precedence() {
        let url = "postgres://ann@db/latchkey";
        assert_eq!(parsed(url).with_timeouts(), format!("{url}?{TIMEOUTS}"));
        let url = "postgres://ann@db/latchkey?sslmode=require&connect_timeout=9";
        let others = TIMEOUTS.trim_start_matches("connect_timeout=3&");
        assert_eq!(parsed(url).with_timeouts(), format!("{url}&{others}"));
    }

    #[test]
    fn every_form_of_libpq_is_passed_on() {
        for url in [
            "postgres://h1:5432,h2:5432/db?target_session_attrs=read-write",
            "postgresql://ann:p%40ss@h1,h2:5433,[::1]:5434/db",
            "postgres:///db?host=/run/postgresql",
            "postgres://%2Frun%2Fpostgresql/db",
            "postgres://ann:what?&#,:;@db:5432/latchkey",
            "postgres://[fd00::1]/db",
            "postgres://:5433",
            "postgres://",
        ] {
            let passed_on = parsed(url).with_timeouts();
            assert!(passed_on.starts_with(url), "{passed_on}");
            assert!(passed_on.ends_with(TIMEOUTS), "{passed_on}");
        }
    }

    #[test]
    fn a_url_that_libpq_cannot_parse_is_rejected_without_its_password() {
        for wrong in [
            "postgres://ann:hunter2%@db/x",
            "postgres://ann:100%hunter2@db/x",
            "postgres://ann:hunter2%00@db/x",
            "postgres://ann:hunter2@[::/x",
            "postgres://ann:hunter2@[]/x",
            "postgres://ann:hunter2@[::1]x/x",
            "postgres://ann:hunter2@more@db/x",
            "postgres://ann:hunter2/more@db/x",
            "postgres://ann:22/hunter2@db",
            "postgres://ann:hunter2@db:port/x",
            "postgres://ann:hunter2@db:99999/x",
            "postgres://ann:hunter2@db/x?pgbouncer=1",
        ] {
            let error = PostgresUrl::parse(wrong).expect_err(wrong);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_marker_is_added_to_the_options_of_the_operator() {
        let marker = "%20-c%20latchkey.direct%3Don";
        assert_eq!(with_marker("postgres://db/x"), format!("postgres://db/x?options={marker}"));
        let url = "postgres://db/x?options=-c%20search_path%3Dauth&sslmode=require";
        let expected = format!("postgres://db/x?sslmode=require&options=-c%20search_path%3Dauth{marker}");
        assert_eq!(with_marker(url), expected);
    }

    #[test]
    fn a_pooler_can_be_declared() {
        let url = parsed("postgres://db/x?pgbouncer=true&sslmode=require");
        assert!(url.is_pooled());
        assert_eq!(url.with_timeouts(), format!("postgres://db/x?sslmode=require&{TIMEOUTS}"));
        assert!(!parsed("postgres://db/x").is_pooled());
    }
}
