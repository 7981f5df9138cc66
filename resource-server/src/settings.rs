//! Every setting: a flag and an environment variable of the same name.

mod secrets;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser};
use secrecy::SecretString;
use server_kit::command_line;
use server_kit::http_server::{keep_alive, workers};
use server_kit::logging::LogFormat;
use server_kit::real_ip::{Network, check_breadth};
use server_kit::settings::heading::{COOKIES, KEYS, NETWORK, OBSERVABILITY, TOKENS};
use server_kit::settings::{
    HeaderNames, Origins, address, exposed_metrics, header_names, is_loopback, is_remote_http, issuer, name,
    origins, web_url,
};
use server_kit::tls::TlsSettings;
use url::Url;

pub use secrets::Secrets;

/// The feed is polled every second. A limit below a few seconds would reject all tokens after one failed request.
const MIN_MAX_AGE: Duration = Duration::from_secs(5);
const MAX_MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The smallest cache holds a few of the largest tokens.
const MIN_CACHE: usize = 1 << 20;

/// The settings of a server, as given. Secrets are read by [`Settings::secrets`].
#[derive(Clone, Debug, Parser)]
#[command(name = "resource-server")]
pub struct Settings {
    /// Listen address
    #[arg(long, env, default_value = "127.0.0.1:8081", value_parser = address, help_heading = NETWORK)]
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

    /// Issuer
    ///
    /// The URL of the auth server, as in the claim `iss` of its tokens.
    #[arg(long, env, default_value = "http://localhost:8080", value_parser = issuer, help_heading = TOKENS)]
    pub issuer: Url,

    /// Audience of tokens
    #[arg(long, env, default_value = "api", value_parser = name, help_heading = TOKENS)]
    pub audience: String,

    /// Memory for validated tokens
    ///
    /// The signature of a token is verified once while the token is in this memory. A token takes about 1 KiB. All other
    /// rules, such as expiry and revocation, apply to every request. `0` verifies the signature at every request.
    #[arg(long, env, default_value = "16MiB", value_parser = cache_size, hide_short_help = true)]
    #[arg(help_heading = TOKENS)]
    pub token_cache_size: usize,

    /// Accept token cookies
    ///
    /// Accepts the access token cookie of requests without a bearer token. For pages that never handle a
    /// token, with both servers behind one host. Unsafe methods then require the CSRF token in `X-CSRF-Token`.
    #[arg(long, env, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, help_heading = COOKIES)]
    #[arg(default_missing_value = "true", require_equals = true)]
    pub accept_cookie: bool,

    /// Origins whose pages may call this server
    ///
    /// Separated by commas, such as `https://app.example.org,capacitor://localhost`. Wildcards are not supported.
    #[arg(long, env, default_value = "", value_parser = origins, hide_default_value = true)]
    #[arg(help_heading = COOKIES)]
    pub allowed_origins: Origins,

    /// Further request headers that these pages may send
    ///
    /// Separated by commas. Allowed without this setting: `Authorization`, `Content-Type`, `Idempotency-Key`,
    /// `X-CSRF-Token`, `X-Requested-With`, `X-Request-Id` and those of tracing.
    #[arg(long, env, default_value = "", value_parser = header_names, hide_default_value = true)]
    #[arg(hide_short_help = true, help_heading = COOKIES)]
    pub allowed_headers: HeaderNames,

    /// Key set URL [default: from the issuer]
    ///
    /// The default is `jwks_uri` in the metadata of the issuer.
    #[arg(long, env, value_parser = jwks_url, help_heading = KEYS)]
    pub jwks_url: Option<Url>,

    /// Allow plain HTTP to other machines
    ///
    /// For the key set and the revocation feed. An attacker on the network path could then forge tokens.
    #[arg(long, env, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, help_heading = KEYS)]
    #[arg(default_missing_value = "true", require_equals = true, hide_short_help = true)]
    pub allow_http_issuer: bool,

    /// Shared secret of the revocation feed
    ///
    /// Rejects revoked tokens within a second. The same value as on the auth server.
    #[arg(long, env, hide_env_values = true, help_heading = KEYS)]
    revocation_feed_token: Option<SecretString>,
    /// File that contains the secret
    #[arg(long, env, conflicts_with = "revocation_feed_token", hide_short_help = true, help_heading = KEYS)]
    revocation_feed_token_file: Option<PathBuf>,

    /// URL of the revocation feed [default: /revocations at the issuer]
    ///
    /// Requires `REVOCATION_FEED_TOKEN`.
    #[arg(long, env, value_parser = feed_url, hide_short_help = true, help_heading = KEYS)]
    pub revocation_feed_url: Option<Url>,

    /// Reject tokens once the feed is this old
    ///
    /// Rejects all tokens if the last successful request was longer ago: 5s to 1day, such as 30s. Without it, tokens
    /// stay valid while the feed fails.
    #[arg(long, env, value_parser = max_age, help_heading = KEYS)]
    pub revocation_feed_max_age: Option<Duration>,

    /// HS256 only: secret shared with the auth server
    ///
    /// At least 32 random bytes.
    #[arg(long, env, hide_env_values = true, hide_short_help = true, help_heading = KEYS)]
    jwt_access_secret: Option<SecretString>,
    /// File that contains the secret
    #[arg(long, env, conflicts_with = "jwt_access_secret", hide_short_help = true, help_heading = KEYS)]
    jwt_access_secret_file: Option<PathBuf>,

    /// Address of `GET /metrics` [default: off]
    ///
    /// Without authentication. Use loopback or a network that only operators reach.
    #[arg(long, env, value_parser = address, help_heading = OBSERVABILITY)]
    pub metrics_addr: Option<SocketAddr>,

    /// Format of log lines
    ///
    /// The variable `RUST_LOG` sets the filter.
    #[arg(long, env, default_value = "text", hide_short_help = true, help_heading = OBSERVABILITY)]
    pub log_format: LogFormat,

    /// Root certificates of the auth server beside those of the system, in PEM. Neither a flag nor a variable: only a program
    /// that hosts the server for development can set it.
    #[arg(skip)]
    pub ca_certificates: String,
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

    /// What to warn about at the start: one sentence for each setting.
    pub(crate) fn risks(&self) -> Vec<String> {
        let remote = self.urls().into_iter().find(|(_, url)| url.is_some_and(is_remote_http));
        let plain_http = remote.map(|(name, _)| {
            format!("{name} is a plain http:// URL of another machine: an attacker on the network can forge tokens")
        });
        let metrics = self.metrics_addr.and_then(exposed_metrics);
        plain_http.into_iter().chain(metrics).chain(self.unused_proxy()).collect()
    }

    /// The HTTP client has no support for proxies.
    fn unused_proxy(&self) -> Option<String> {
        let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
        let name = names.iter().find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))?;
        let is_used = self.urls().iter().any(|(_, url)| url.is_some_and(|url| !is_loopback(url)));
        is_used.then(|| {
            format!(
                "{name} is set and not used: this server connects to the auth server directly; if it cannot, set JWKS_URL and \
                 REVOCATION_FEED_URL to addresses that it can reach"
            )
        })
    }

    fn urls(&self) -> [(&'static str, Option<&Url>); 3] {
        [
            ("ISSUER", Some(&self.issuer)),
            ("JWKS_URL", self.jwks_url.as_ref()),
            ("REVOCATION_FEED_URL", self.revocation_feed_url.as_ref()),
        ]
    }

    /// Checks the rules that concern more than one setting.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.tls.check_pair()?;
        let remote = self.urls().into_iter().find(|(_, url)| url.is_some_and(is_remote_http));
        match remote {
            Some((name, _)) if !self.allow_http_issuer => Err(format!(
                "{name} is a plain http:// URL of another machine: use https://, or ALLOW_HTTP_ISSUER=true on a private network"
            )),
            _ => check_breadth(&self.trusted_proxies),
        }
    }
}

fn jwks_url(text: &str) -> Result<Url, String> {
    let hint = "give a URL such as https://auth.example.org/.well-known/jwks.json";
    Ok(web_url(text).ok_or(hint)?)
}

fn feed_url(text: &str) -> Result<Url, String> {
    Ok(web_url(text).ok_or("give a URL such as https://auth.example.org/revocations")?)
}

fn max_age(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).ok().filter(|age| (MIN_MAX_AGE..=MAX_MAX_AGE).contains(age));
    parsed.ok_or_else(|| "give 5s to 1day, such as 30s".to_owned())
}

fn cache_size(text: &str) -> Result<usize, String> {
    let unit_start = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_start);
    let factor = match unit {
        "" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let bytes =
        number.parse::<usize>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    let allowed = bytes.filter(|bytes| *bytes == 0 || *bytes >= MIN_CACHE);
    allowed.ok_or_else(|| "give at least 1MiB, such as 16MiB, or 0 for no cache".to_owned())
}
