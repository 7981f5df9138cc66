//! Every setting: a long flag and an environment variable of the same name. `--help` is the manual.

mod secret;
mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::Resettable;
use clap::{ArgAction, Command, CommandFactory, FromArgMatches, Parser, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use server_kit::real_ip::Network;
use shared_claims::http::bearer::is_bearer_token;
use url::Url;

pub use values::AllowedOrigins;

/// resource-server: an API that believes access tokens, checked with the auth server's public keys.
///
/// Every option can also be given as the environment variable named beside it; an empty variable counts as not set.
/// The secret can also be given as a file, by the option that ends in -file.
#[derive(Clone, Debug, Parser)]
#[command(name = "resource-server", version, max_term_width = 110)]
pub struct Settings {
    /// Address to listen on
    #[arg(long, env, default_value = "127.0.0.1:8081", value_parser = values::address)]
    pub bind_addr: SocketAddr,

    /// Address to answer `GET /metrics` at, to anybody who comes there: loopback, or a network of operators [default: nowhere]
    #[arg(long, env, value_parser = values::address)]
    pub metrics_addr: Option<SocketAddr>,

    /// Proxies, separated by commas, whose word on the client's address and on `X-Request-Id` is believed: addresses or networks
    #[arg(long, env, value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,

    /// Number of worker threads [default: as many as there are cores]
    #[arg(long, env)]
    pub workers: Option<NonZeroUsize>,

    /// The auth server's URL, exactly as it stands in `iss` of its tokens
    #[arg(long, env, default_value = "http://localhost:8080", value_parser = values::issuer)]
    pub issuer: String,

    /// Where the auth server's keys are [default: as the issuer's metadata say]
    #[arg(long, env, value_parser = values::jwks_url)]
    pub jwks_url: Option<Url>,

    /// The audience that tokens for this server name
    #[arg(long, env, default_value = "api", value_parser = values::audience)]
    pub audience: String,

    /// true: take access tokens from the auth server's cookie too, where no `Authorization` is sent. For pages that never touch a
    /// token, with both servers behind one host; calls that change something must then repeat the CSRF token in `X-CSRF-Token`
    #[arg(long, env, default_value_t = false, action = ArgAction::Set, num_args = 0..=1)]
    #[arg(default_missing_value = "true", require_equals = true)]
    pub accept_cookie: bool,

    /// Origins, separated by commas, whose pages may call this server
    #[arg(long, env, default_value = "", value_parser = values::origins, hide_default_value = true)]
    pub allowed_origins: AllowedOrigins,

    /// Fetch keys over plain http even from another machine. Whoever sits in between can then make tokens
    #[arg(long, env, default_value_t = false, action = ArgAction::Set, num_args = 0..=1)]
    #[arg(default_missing_value = "true", require_equals = true)]
    pub allow_http_issuer: bool,

    /// HS256 only: the secret shared with the auth server, at least 32 random bytes
    #[arg(long, env, hide_env_values = true)]
    jwt_access_secret: Option<SecretString>,
    /// File that holds the secret
    #[arg(long, env, conflicts_with = "jwt_access_secret")]
    jwt_access_secret_file: Option<PathBuf>,

    /// Where the auth server tells of revocations [default: /revocations at the issuer, if the token is set]
    #[arg(long, env, value_parser = values::feed_url)]
    pub revocation_feed_url: Option<Url>,
    /// Lets us hear within a second of sessions that ended: the same as at the auth server
    #[arg(long, env, hide_env_values = true)]
    revocation_feed_token: Option<SecretString>,
    /// File that holds the token
    #[arg(long, env, conflicts_with = "revocation_feed_token")]
    revocation_feed_token_file: Option<PathBuf>,
    /// Believe no token when nothing was heard for so long, such as 30s [default: go on]
    #[arg(long, env, value_parser = values::max_age)]
    pub revocation_feed_max_age: Option<Duration>,

    /// How log lines look; `RUST_LOG` says which there are
    #[arg(long, env, default_value = "text")]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Where the keys come from that tokens are checked with.
pub(crate) enum KeySource<'a> {
    /// A secret shared with the auth server, for HS256.
    Secret(&'a SecretString),
    /// A JWK Set at this address.
    JwksUrl(&'a Url),
    /// The JWK Set that this issuer's metadata name.
    Issuer(&'a str),
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

    /// Rules that concern more than one setting, and the secret, which is read once.
    pub(crate) fn checked(mut self) -> Result<Self, String> {
        self.jwt_access_secret = secret::read(
            "JWT_ACCESS_SECRET",
            self.jwt_access_secret,
            self.jwt_access_secret_file.as_deref(),
        )?;
        self.jwt_access_secret_file = None;
        self.revocation_feed_token = secret::read(
            "REVOCATION_FEED_TOKEN",
            self.revocation_feed_token,
            self.revocation_feed_token_file.as_deref(),
        )?;
        self.revocation_feed_token_file = None;
        if !self.revocation_feed_token.iter().all(|token| is_bearer_token(token.expose_secret())) {
            return Err(
                "REVOCATION_FEED_TOKEN has characters that no Authorization header takes: give one token, as the auth server has it"
                    .to_owned(),
            );
        }
        let needs_token = self.revocation_feed_url.is_some() || self.revocation_feed_max_age.is_some();
        if needs_token && self.revocation_feed_token.is_none() {
            return Err(
                "REVOCATION_FEED_TOKEN is not set: without it nothing is heard of revocations; give the auth server's"
                    .to_owned(),
            );
        }
        let secrets = [&self.jwt_access_secret, &self.revocation_feed_token]
            .map(|secret| secret.as_ref().map(ExposeSecret::expose_secret));
        if secrets[0].is_some() && secrets[0] == secrets[1] {
            return Err(
                "REVOCATION_FEED_TOKEN equals JWT_ACCESS_SECRET: each needs a value of its own".to_owned()
            );
        }
        if self.jwt_access_secret.is_some() && self.jwks_url.is_some() {
            return Err(
                "JWKS_URL is for public keys and JWT_ACCESS_SECRET for HS256: give one of them".to_owned()
            );
        }
        let issuer = values::is_plain_http_beyond_loopback(&self.issuer).then_some("ISSUER");
        let jwks =
            self.jwks_url.as_ref().map(Url::as_str).filter(|url| values::is_plain_http_beyond_loopback(url));
        let feed = self.revocation_feed_url.as_ref().map(Url::as_str);
        let feed = feed.filter(|url| values::is_plain_http_beyond_loopback(url));
        match issuer.or(jwks.map(|_| "JWKS_URL")).or(feed.map(|_| "REVOCATION_FEED_URL")) {
            Some(name) if !self.allow_http_issuer => Err(format!(
                "{name} is an http:// URL beyond this machine: use https://, or ALLOW_HTTP_ISSUER=true where the network is yours alone"
            )),
            _ => Ok(self),
        }
    }

    /// Where revocations are told, and the token for it; none without the token.
    pub(crate) fn feed(&self) -> Option<(Url, &SecretString)> {
        let token = self.revocation_feed_token.as_ref()?;
        let default = || Url::parse(&self.issuer).and_then(|issuer| issuer.join("/revocations")).ok();
        Some((self.revocation_feed_url.clone().or_else(default)?, token))
    }

    pub(crate) fn key_source(&self) -> KeySource<'_> {
        match (&self.jwt_access_secret, &self.jwks_url) {
            (Some(secret), _) => KeySource::Secret(secret),
            (None, Some(url)) => KeySource::JwksUrl(url),
            (None, None) => KeySource::Issuer(&self.issuer),
        }
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

/// Compose files leave variables empty that nobody has set.
pub(crate) fn without_empty_variables(command: Command) -> Command {
    command.mut_args(|argument| {
        let is_empty = argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if is_empty { argument.env(Resettable::Reset) } else { argument }
    })
}
