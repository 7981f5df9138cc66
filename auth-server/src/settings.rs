//! Every setting: a flag and an environment variable of the same name.

mod choices;
mod derived;
mod listing;
mod mail;
mod pages;
mod passkeys;
mod risks;
mod second_factors;
mod secrets;
mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser};
use secrecy::SecretString;
use server_kit::command_line;
use server_kit::http_server::{keep_alive, workers};
use server_kit::logging::LogFormat;
use server_kit::real_ip::{Network, check_breadth};
use server_kit::settings::heading::{COOKIES, DATABASE, KEYS, NETWORK, OBSERVABILITY, PASSWORDS, TOKENS};
use server_kit::settings::{
    HeaderNames, Origins, address, header_names, is_remote_http, issuer, name, origins,
};
use server_kit::tls::TlsSettings;
use shared_claims::Algorithm;
use url::Url;

use crate::store::{DatabaseUrl, POOL_SIZE};

pub use choices::{Registration, SameSite};
pub(crate) use derived::span;
use listing::Listing;
pub use mail::{MailSettings, MailTransport, SmtpTls};
pub use pages::{PageDelivery, PageSettings, Switch};
pub use passkeys::PasskeySettings;
pub use second_factors::SecondFactorSettings;
pub use secrets::Secrets;

/// The settings of a server, as given. Secrets are read by [`Settings::secrets`].
#[derive(Debug, Parser)]
#[command(name = "auth-server")]
pub struct Settings {
    #[command(flatten)]
    listing: Listing,

    /// Database URL [default: SQLite in data/]
    ///
    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`. The default is `sqlite://data/latchkey.db`.
    #[arg(long, env, hide_env_values = true, help_heading = DATABASE)]
    database_url: Option<SecretString>,
    /// File that contains the database URL
    #[arg(long, env, conflicts_with = "database_url", hide_short_help = true, help_heading = DATABASE)]
    database_url_file: Option<PathBuf>,

    /// Number of database connections, 1 to 1000
    ///
    /// Connections to PostgreSQL for refreshes come in addition, two for each server. PostgreSQL must allow the sum (`max_connections`).
    #[arg(long, env, default_value_t = POOL_SIZE, value_parser = clap::value_parser!(u32).range(1..=1000))]
    #[arg(hide_short_help = true, help_heading = DATABASE)]
    pub database_pool_size: u32,

    /// Listen address
    #[arg(long, env, default_value = "127.0.0.1:8080", value_parser = address, help_heading = NETWORK)]
    pub bind_addr: SocketAddr,

    /// Reverse proxies whose headers to trust
    ///
    /// Addresses or networks, separated by commas, such as `127.0.0.1,10.0.0.0/8`. `X-Forwarded-For`, `Forwarded` and
    /// `X-Request-Id` from other peers are ignored.
    #[arg(long, env, value_delimiter = ',', help_heading = NETWORK)]
    pub trusted_proxies: Vec<Network>,

    /// How long a connection may be idle
    ///
    /// Between two requests: 1s to 1h. Set it longer than the idle timeout of the proxy or load balancer in front. Most use 60s.
    #[arg(long, env, default_value = "75s", value_parser = keep_alive, hide_short_help = true, help_heading = NETWORK)]
    pub keep_alive: Duration,

    /// Number of worker threads, 1 to 512 [default: number of CPU cores]
    #[arg(long, env, value_parser = workers, hide_short_help = true, help_heading = NETWORK)]
    pub workers: Option<NonZeroUsize>,

    /// HTTPS
    #[command(flatten)]
    pub tls: TlsSettings,

    /// Public URL
    ///
    /// The claim `iss` of every token. Browsers and resource servers use the same URL.
    #[arg(long, env, default_value = "http://localhost:8080", value_parser = issuer, help_heading = TOKENS)]
    pub issuer: Url,

    /// Audiences of access tokens
    ///
    /// Separated by commas. The first one is used for a login without `audience`.
    #[arg(long, env, default_value = "api", value_delimiter = ',', value_parser = name, help_heading = TOKENS)]
    pub audiences: Vec<String>,

    /// The claim `client_id` of every token
    #[arg(long, env, default_value = "web", value_parser = name, hide_short_help = true, help_heading = TOKENS)]
    pub client_id: String,

    /// Lifetime of an access token, at most 24h
    #[arg(long, env, default_value = "15m", value_parser = values::token_life, hide_short_help = true, help_heading = TOKENS)]
    pub access_token_ttl: Duration,

    /// How long a session lasts without a refresh, at most 400d
    #[arg(long, env, default_value = "7d", value_parser = values::session_life, hide_short_help = true, help_heading = TOKENS)]
    pub refresh_idle_ttl: Duration,

    /// How long a session lasts at most, up to 400d
    #[arg(long, env, default_value = "30d", value_parser = values::session_life, hide_short_help = true, help_heading = TOKENS)]
    pub session_max_ttl: Duration,

    /// Number of active sessions of a user, 1 to 1000
    ///
    /// A login beyond it ends the least recently used session.
    #[arg(long, env, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    #[arg(hide_short_help = true, help_heading = TOKENS)]
    pub max_sessions_per_user: u32,

    /// Grace period in which a superseded refresh token returns its successor again
    ///
    /// For clients that lost the response. After it, the same token ends the session. At most 60s; `0s` disables it.
    #[arg(long, env, default_value = "10s", value_parser = values::grace, hide_short_help = true, help_heading = TOKENS)]
    pub refresh_reuse_grace: Duration,

    /// How long the audit log keeps security events, at least 1d
    #[arg(long, env, default_value = "90d", value_parser = values::event_retention, hide_short_help = true, help_heading = TOKENS)]
    pub event_retention: Duration,

    /// Origins whose pages may call this server
    ///
    /// Separated by commas, such as `https://app.example.org,capacitor://localhost`. The server's own origin is always
    /// allowed. Wildcards are not supported.
    #[arg(long, env, default_value = "", value_parser = origins, hide_default_value = true, help_heading = COOKIES)]
    pub allowed_origins: Origins,

    /// Further request headers that these pages may send
    ///
    /// Separated by commas. Allowed without this setting: `Authorization`, `Content-Type`, `Idempotency-Key`,
    /// `X-CSRF-Token`, `X-Requested-With`, `X-Request-Id` and those of tracing.
    #[arg(long, env, default_value = "", value_parser = header_names, hide_default_value = true)]
    #[arg(hide_short_help = true, help_heading = COOKIES)]
    pub allowed_headers: HeaderNames,

    /// Send cookies over HTTPS only
    ///
    /// `false` is for development over plain HTTP.
    #[arg(long, env, default_value_t = true, action = ArgAction::Set, hide_short_help = true, help_heading = COOKIES)]
    pub cookie_secure: bool,

    /// `SameSite` of the cookies
    ///
    /// `none` only if pages of another site must call this server.
    #[arg(long, env, default_value = "strict", hide_short_help = true, help_heading = COOKIES)]
    pub cookie_samesite: SameSite,

    /// Self-registration
    #[arg(long, env, default_value = "open", help_heading = PASSWORDS)]
    pub registration: Registration,

    /// Attempts per minute and client address to log in, register or choose a username
    ///
    /// Successful logins and requests that check no password do not count. IPv6: per /64, and ten times as many per /48.
    #[arg(long, env, default_value = "30", hide_short_help = true, help_heading = PASSWORDS)]
    pub login_rate_per_ip: NonZeroU32,

    /// Logins per minute of one user, and as many changes to the account
    ///
    /// Six times as many after a pause. Administrators may change twenty times as many accounts.
    #[arg(long, env, default_value = "5", hide_short_help = true, help_heading = PASSWORDS)]
    pub account_rate_per_user: NonZeroU32,

    /// Requests per hour and client address that cause a mail
    ///
    /// For a forgotten password, for example. They also count towards `LOGIN_RATE_PER_IP`. IPv6: per /64.
    #[arg(long, env, default_value = "20", hide_short_help = true, help_heading = PASSWORDS)]
    pub mail_rate_per_ip: NonZeroU32,

    /// Memory of one password hash, in KiB
    ///
    /// The server starts only with OWASP's minimum: at least 7168, and 35840 when multiplied by the passes.
    #[arg(long, env, default_value_t = 19456, value_parser = clap::value_parser!(u32).range(8..=4_194_304))]
    #[arg(hide_short_help = true, help_heading = PASSWORDS)]
    pub argon2_memory_kib: u32,

    /// Passes of one password hash
    #[arg(long, env, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1000))]
    #[arg(hide_short_help = true, help_heading = PASSWORDS)]
    pub argon2_iterations: u32,

    /// Lanes of one password hash
    #[arg(long, env, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    #[arg(hide_short_help = true, help_heading = PASSWORDS)]
    pub argon2_parallelism: u32,

    /// `SECURITY_PASSWORD_SALT` of a Flask-Security application
    ///
    /// Required to check passwords of users imported from it.
    #[arg(long, env, hide_env_values = true, hide_short_help = true, help_heading = PASSWORDS)]
    flask_security_password_salt: Option<SecretString>,
    /// File that contains the salt
    #[arg(long, env, conflicts_with = "flask_security_password_salt")]
    #[arg(hide_short_help = true, help_heading = PASSWORDS)]
    flask_security_password_salt_file: Option<PathBuf>,

    /// Signs refresh tokens (required)
    ///
    /// At least 32 random bytes.
    #[arg(long, env, hide_env_values = true, help_heading = KEYS)]
    jwt_refresh_secret: Option<SecretString>,
    /// File that contains the secret
    #[arg(long, env, conflicts_with = "jwt_refresh_secret", hide_short_help = true, help_heading = KEYS)]
    jwt_refresh_secret_file: Option<PathBuf>,

    /// Other secrets whose refresh tokens are accepted, separated by commas
    ///
    /// The previous secret, or the next one during a rolling change.
    #[arg(long, env, hide_env_values = true, hide_short_help = true, help_heading = KEYS)]
    jwt_refresh_secrets_accepted: Option<SecretString>,
    /// File that contains the secrets
    #[arg(long, env, conflicts_with = "jwt_refresh_secrets_accepted")]
    #[arg(hide_short_help = true, help_heading = KEYS)]
    jwt_refresh_secrets_accepted_file: Option<PathBuf>,

    /// Encrypts signing keys (required)
    ///
    /// At least 32 random bytes. Not required with HS256. Without it, the signing keys in the database cannot be used.
    #[arg(long, env, hide_env_values = true, help_heading = KEYS)]
    key_encryption_secret: Option<SecretString>,
    /// File that contains the secret
    #[arg(long, env, conflicts_with = "key_encryption_secret", hide_short_help = true, help_heading = KEYS)]
    key_encryption_secret_file: Option<PathBuf>,

    /// The previous `KEY_ENCRYPTION_SECRET`, to decrypt keys during a change
    #[arg(long, env, hide_env_values = true, hide_short_help = true, help_heading = KEYS)]
    key_encryption_secret_previous: Option<SecretString>,
    /// File that contains the secret
    #[arg(long, env, conflicts_with = "key_encryption_secret_previous")]
    #[arg(hide_short_help = true, help_heading = KEYS)]
    key_encryption_secret_previous_file: Option<PathBuf>,

    /// Enables the revocation feed
    ///
    /// Shared secret for `GET /revocations`, at least 32 random bytes. Set the same value on the resource servers.
    /// During a change, give both values, separated by a comma.
    #[arg(long, env, hide_env_values = true, help_heading = KEYS)]
    revocation_feed_token: Option<SecretString>,
    /// File that contains the secret
    #[arg(long, env, conflicts_with = "revocation_feed_token", hide_short_help = true, help_heading = KEYS)]
    revocation_feed_token_file: Option<PathBuf>,

    /// How long a key signs before the next one replaces it, 1h to 366d
    #[arg(long, env, default_value = "30d", value_parser = values::rotation, hide_short_help = true, help_heading = KEYS)]
    pub signing_key_rotation: Duration,

    /// Algorithm of access tokens: ES256, RS256, EdDSA or HS256
    #[arg(long, env, default_value = "ES256", value_parser = values::algorithm, hide_short_help = true, help_heading = KEYS)]
    pub jwt_access_algorithm: Algorithm,

    /// HS256 only: secret shared with the resource servers, at least 32 random bytes
    #[arg(long, env, hide_env_values = true, hide_short_help = true, help_heading = KEYS)]
    jwt_access_secret: Option<SecretString>,
    /// File that contains the secret
    #[arg(long, env, conflicts_with = "jwt_access_secret", hide_short_help = true, help_heading = KEYS)]
    jwt_access_secret_file: Option<PathBuf>,

    /// HS256 only: other secrets whose access tokens are accepted, separated by commas
    #[arg(long, env, hide_env_values = true, hide_short_help = true, help_heading = KEYS)]
    jwt_access_secrets_accepted: Option<SecretString>,
    /// File that contains the secrets
    #[arg(long, env, conflicts_with = "jwt_access_secrets_accepted")]
    #[arg(hide_short_help = true, help_heading = KEYS)]
    jwt_access_secrets_accepted_file: Option<PathBuf>,

    /// Pages for people
    #[command(flatten)]
    pub pages: PageSettings,

    /// Second factors
    #[command(flatten)]
    pub second_factors: SecondFactorSettings,

    /// Passkeys
    #[command(flatten)]
    pub passkeys: PasskeySettings,

    /// Outgoing mail
    #[command(flatten)]
    pub mail: MailSettings,

    /// Address of `GET /metrics` [default: off]
    ///
    /// Without authentication. Use loopback or a network that only operators reach.
    #[arg(long, env, value_parser = address, hide_short_help = true, help_heading = OBSERVABILITY)]
    pub metrics_addr: Option<SocketAddr>,

    /// Format of log lines
    ///
    /// The variable `RUST_LOG` sets the filter.
    #[arg(long, env, default_value = "text", hide_short_help = true, help_heading = OBSERVABILITY)]
    pub log_format: LogFormat,

    /// Lets [`AuthServer::sign_in_code`](crate::AuthServer::sign_in_code) sign a user in at the demo page. Neither a flag nor a
    /// variable: only a program that hosts the server for development can set it.
    #[arg(skip)]
    pub sign_in_link: bool,
}

impl Settings {
    /// Parses flags without environment variables, for a process that hosts the server. The first is the program's name.
    ///
    /// # Errors
    /// One line that names the flag or the setting.
    pub fn from_flags<A: Into<OsString> + Clone>(flags: impl IntoIterator<Item = A>) -> Result<Self, String> {
        let settings: Self = command_line::from_flags(flags)?;
        settings.check().map(|()| settings)
    }

    /// # Errors
    /// The URL is invalid, or its file cannot be read.
    pub fn database_url(&self) -> Result<DatabaseUrl, String> {
        secrets::database_url(self)
    }

    /// The secrets, read from their values or files and checked.
    ///
    /// # Errors
    /// One line that names the secret.
    pub fn secrets(&self) -> Result<Secrets, String> {
        Secrets::read(self)
    }

    /// The claim `iss`: the issuer without a slash at the end.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.issuer.as_str().trim_end_matches('/').to_owned()
    }

    /// The allowed origins that browsers count as another site than the issuer: other scheme or other domain.
    #[must_use]
    pub fn cross_site_origins(&self) -> Vec<&str> {
        let all = self.allowed_origins.listed().iter().map(String::as_str);
        all.filter(|origin| !values::is_same_site(&self.issuer, origin)).collect()
    }

    /// Checks the rules that concern more than one setting.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.access_token_ttl > self.session_max_ttl || self.refresh_idle_ttl > self.session_max_ttl {
            return Err(
                "SESSION_MAX_TTL must not be shorter than ACCESS_TOKEN_TTL and REFRESH_IDLE_TTL".into()
            );
        }
        if self.access_token_ttl > self.signing_key_rotation {
            return Err("SIGNING_KEY_ROTATION must not be shorter than ACCESS_TOKEN_TTL".into());
        }
        if self.refresh_reuse_grace >= self.refresh_idle_ttl {
            return Err(
                "REFRESH_REUSE_GRACE must be shorter than REFRESH_IDLE_TTL: give a few seconds".into()
            );
        }
        if self.cookie_secure && is_remote_http(&self.issuer) {
            return Err(
                "ISSUER is a plain http:// URL: use https://, or COOKIE_SECURE=false for development".into(),
            );
        }
        self.tls.check_pair()?;
        if self.tls.is_on() && self.issuer.scheme() != "https" {
            return Err("TLS_CERT_FILE is set, and ISSUER is an http:// URL: use https://".into());
        }
        if self.cookie_samesite == SameSite::None && !self.cookie_secure {
            return Err(
                "COOKIE_SAMESITE=none requires COOKIE_SECURE=true: browsers reject such cookies".into()
            );
        }
        if !self.cookie_secure && self.issuer.scheme() == "https" {
            return Err("COOKIE_SECURE=false is for development with an http:// ISSUER: remove it".into());
        }
        self.email_verification()?;
        self.second_factors.required_roles()?;
        self.passkeys.check(&self.issuer)?;
        check_breadth(&self.trusted_proxies)
    }
}
