//! Every setting: a long flag and an environment variable of the same name. `--help` is the manual.

mod derived;
mod secrets;
mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::Resettable;
use clap::{ArgAction, Command, CommandFactory, FromArgMatches, Parser, ValueEnum};
use secrecy::SecretString;
use server_kit::real_ip::Network;
use shared_claims::Algorithm;
use url::Url;

use crate::store::DatabaseUrl;

pub(crate) use derived::span;
pub use secrets::Secrets;

/// auth-server: registers people, checks passwords, issues and rotates tokens.
///
/// Every option can also be given as the environment variable named beside it. Every secret can also be given
/// as a file, by the option that ends in -file.
#[derive(Debug, Parser)]
#[command(name = "auth-server", version, max_term_width = 110)]
pub struct Settings {
    /// Where the data is: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME` [default: `sqlite://data/latchkey.db`]
    #[arg(long, env, hide_env_values = true)]
    database_url: Option<SecretString>,
    /// File that holds the database URL
    #[arg(long, env, conflicts_with = "database_url")]
    database_url_file: Option<PathBuf>,

    /// Address to listen on
    #[arg(long, env, default_value = "127.0.0.1:8080", value_parser = values::address)]
    pub bind_addr: SocketAddr,

    /// Address to answer `GET /metrics` at, to anybody who comes there: loopback, or a network of operators [default: nowhere]
    #[arg(long, env, value_parser = values::address)]
    pub metrics_addr: Option<SocketAddr>,

    /// Proxies, separated by commas, whose word on the client's address and on `X-Request-Id` is believed: addresses or networks
    #[arg(long, env, value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,

    /// Number of worker threads [default: as many as there are cores]
    #[arg(long, env)]
    pub workers: Option<std::num::NonZeroUsize>,

    /// The server's URL as browsers and resource servers see it: `iss` of every token
    #[arg(long, env, default_value = "http://localhost:8080", value_parser = values::issuer)]
    pub issuer: Url,

    /// Audiences, separated by commas, that an access token can be for; the first is the default
    #[arg(long, env, default_value = "api", value_delimiter = ',', value_parser = values::name)]
    pub audiences: Vec<String>,

    /// `client_id` of every token
    #[arg(long, env, default_value = "web", value_parser = values::name)]
    pub client_id: String,

    /// Origins, separated by commas, whose pages may call this server; its own origin always may
    #[arg(long, env, value_delimiter = ',', value_parser = values::origin)]
    pub allowed_origins: Vec<String>,

    /// Whether people may register by themselves
    #[arg(long, env, default_value = "open")]
    pub registration: Registration,

    /// How long an access token is good for
    #[arg(long, env, default_value = "15m", value_parser = values::duration)]
    pub access_token_ttl: Duration,

    /// How long a session lives that nobody refreshes
    #[arg(long, env, default_value = "7d", value_parser = values::duration)]
    pub refresh_idle_ttl: Duration,

    /// How long a session lives at most
    #[arg(long, env, default_value = "30d", value_parser = values::duration)]
    pub session_max_ttl: Duration,

    /// For how long a spent refresh token is answered with its successor again
    #[arg(long, env, default_value = "10s", value_parser = values::duration_or_zero)]
    pub refresh_reuse_grace: Duration,

    /// How long security events are kept
    #[arg(long, env, default_value = "90d", value_parser = values::duration)]
    pub event_retention: Duration,

    /// Signs refresh tokens: at least 32 random bytes, `openssl rand -base64 32` for example
    #[arg(long, env, hide_env_values = true)]
    jwt_refresh_secret: Option<SecretString>,
    /// File that holds the secret
    #[arg(long, env, conflicts_with = "jwt_refresh_secret")]
    jwt_refresh_secret_file: Option<PathBuf>,

    /// Accepted too, separated by commas: the previous secret, or the next one during a rolling change
    #[arg(long, env, hide_env_values = true)]
    jwt_refresh_secrets_accepted: Option<SecretString>,
    /// File that holds them
    #[arg(long, env, conflicts_with = "jwt_refresh_secrets_accepted")]
    jwt_refresh_secrets_accepted_file: Option<PathBuf>,

    /// Encrypts the signing keys in the database: at least 32 random bytes
    #[arg(long, env, hide_env_values = true)]
    key_encryption_secret: Option<SecretString>,
    /// File that holds the secret
    #[arg(long, env, conflicts_with = "key_encryption_secret")]
    key_encryption_secret_file: Option<PathBuf>,

    /// During a change of the secret: the one before, which still opens what it sealed
    #[arg(long, env, hide_env_values = true)]
    key_encryption_secret_previous: Option<SecretString>,
    /// File that holds the secret
    #[arg(long, env, conflicts_with = "key_encryption_secret_previous")]
    key_encryption_secret_previous_file: Option<PathBuf>,

    /// For how long a signing key signs, before the next one does: at least 1h
    #[arg(long, env, default_value = "30d", value_parser = values::rotation)]
    pub signing_key_rotation: Duration,

    /// Algorithm of access tokens: ES256, RS256, EdDSA or HS256
    #[arg(long, env, default_value = "ES256", value_parser = values::algorithm)]
    pub jwt_access_algorithm: Algorithm,

    /// HS256 only: the secret that is shared with the resource servers
    #[arg(long, env, hide_env_values = true)]
    jwt_access_secret: Option<SecretString>,
    /// File that holds the secret
    #[arg(long, env, conflicts_with = "jwt_access_secret")]
    jwt_access_secret_file: Option<PathBuf>,

    /// HS256 only: accepted too, separated by commas
    #[arg(long, env, hide_env_values = true)]
    jwt_access_secrets_accepted: Option<SecretString>,
    /// File that holds them
    #[arg(long, env, conflicts_with = "jwt_access_secrets_accepted")]
    jwt_access_secrets_accepted_file: Option<PathBuf>,

    /// false: for development over plain http only
    #[arg(long, env, default_value_t = true, action = ArgAction::Set)]
    pub cookie_secure: bool,

    /// `SameSite` of the cookies: none only where pages of another site must call this server
    #[arg(long, env, default_value = "strict")]
    pub cookie_samesite: SameSite,

    /// Memory of one password hash, in KiB
    #[arg(long, env, default_value_t = 19456, value_parser = clap::value_parser!(u32).range(8..=4_194_304))]
    pub argon2_memory_kib: u32,

    /// Passes of one password hash
    #[arg(long, env, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub argon2_iterations: u32,

    /// Lanes of one password hash
    #[arg(long, env, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub argon2_parallelism: u32,

    /// For people who came from Flask-Security: `SECURITY_PASSWORD_SALT` of that application, without which their passwords
    /// cannot be checked
    #[arg(long, env, hide_env_values = true)]
    flask_security_password_salt: Option<SecretString>,
    /// File that holds it
    #[arg(long, env, conflicts_with = "flask_security_password_salt")]
    flask_security_password_salt_file: Option<PathBuf>,

    /// Lets resource servers hear at once of sessions that ended, at `/revocations`: at least 32 random bytes, the same there.
    /// During a change both, separated by commas
    #[arg(long, env, hide_env_values = true)]
    revocation_feed_token: Option<SecretString>,
    /// File that holds the token
    #[arg(long, env, conflicts_with = "revocation_feed_token")]
    revocation_feed_token_file: Option<PathBuf>,

    /// Attempts per minute and address: to log in or register, to give or change a password, to get a username
    #[arg(long, env, default_value = "30")]
    pub login_rate_per_ip: std::num::NonZeroU32,

    /// Serve a page to try things out with at `/`; it calls the resource server at this origin
    #[arg(long, env, value_parser = values::origin)]
    pub demo_api_url: Option<String>,

    /// How log lines look; `RUST_LOG` says which there are
    #[arg(long, env, default_value = "text")]
    pub log_format: LogFormat,
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Nobody.
    Closed,
}

/// `SameSite` (RFC 6265bis §5.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SameSite {
    /// Only from pages of the same site.
    Strict,
    /// Also when a person follows a link from another site.
    Lax,
    /// From anywhere.
    None,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

impl Settings {
    /// Reads flags only, the program's name first: for a process that hosts the server.
    ///
    /// # Errors
    /// One line that names the variable, what is wrong and what is right.
    pub fn from_flags<A: Into<OsString> + Clone>(flags: impl IntoIterator<Item = A>) -> Result<Self, String> {
        let command = Self::command().mut_args(|argument| argument.env(Resettable::Reset));
        parse::<Self, _>(command, flags)?.checked()
    }

    /// Where the data is.
    ///
    /// # Errors
    /// One line.
    pub fn database_url(&self) -> Result<DatabaseUrl, String> {
        secrets::database_url(self)
    }

    /// The secrets, read from wherever they are.
    ///
    /// # Errors
    /// One line.
    pub fn secrets(&self) -> Result<Secrets, String> {
        Secrets::read(self)
    }

    /// `iss`: the issuer without the slash that URLs end in.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.issuer.as_str().trim_end_matches('/').to_owned()
    }

    /// The allowed origins whose pages a browser counts as another site than the issuer: other scheme or other domain.
    #[must_use]
    pub fn cross_site_origins(&self) -> Vec<&str> {
        let all = self.allowed_origins.iter().map(String::as_str);
        all.filter(|origin| !values::same_site(&self.issuer, origin)).collect()
    }

    /// The settings, if they fit together.
    pub(crate) fn checked(self) -> Result<Self, String> {
        self.check().map(|()| self)
    }

    /// Rules that concern more than one setting.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.access_token_ttl > self.session_max_ttl || self.refresh_idle_ttl > self.session_max_ttl {
            return Err(
                "SESSION_MAX_TTL is shorter than ACCESS_TOKEN_TTL or REFRESH_IDLE_TTL: make it the longest"
                    .into(),
            );
        }
        if self.access_token_ttl > self.signing_key_rotation {
            return Err(
                "SIGNING_KEY_ROTATION is shorter than ACCESS_TOKEN_TTL: make it a few times longer".into()
            );
        }
        if self.refresh_reuse_grace >= self.refresh_idle_ttl {
            return Err("REFRESH_REUSE_GRACE is as long as REFRESH_IDLE_TTL: seconds would be right".into());
        }
        if self.cookie_secure && self.issuer.scheme() == "http" && !values::is_loopback(&self.issuer) {
            return Err(
                "ISSUER is an http:// URL beyond this machine: use https://, or COOKIE_SECURE=false to develop".into(),
            );
        }
        if self.cookie_samesite == SameSite::None && !self.cookie_secure {
            return Err("COOKIE_SAMESITE=none needs COOKIE_SECURE=true: browsers refuse it otherwise".into());
        }
        Ok(())
    }
}

/// Help and version are answered, and the process ends.
pub(crate) fn parse<P: FromArgMatches, A: Into<OsString> + Clone>(
    command: Command,
    flags: impl IntoIterator<Item = A>,
) -> Result<P, String> {
    match command.try_get_matches_from(flags).and_then(|matches| P::from_arg_matches(&matches)) {
        Ok(parsed) => Ok(parsed),
        Err(error) if error.use_stderr() => Err(values::one_line(&error)),
        Err(help_or_version) => help_or_version.exit(),
    }
}

/// Compose files and service managers set variables that they have no value for.
pub(crate) fn without_empty_variables(command: Command) -> Command {
    command.mut_args(|argument| {
        let is_empty = argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if is_empty { argument.env(Resettable::Reset) } else { argument }
    })
}
