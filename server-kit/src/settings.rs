//! Parsers for values of settings. Each error says what a valid value looks like.

mod origin;

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::http::header::HeaderName;
use url::{Host, Url};

pub use origin::{Origins, origins, web_origin};

/// Ten years. Sums of times stay far from their limits.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Headings of `--help`.
pub mod heading {
    /// Where the data is.
    pub const DATABASE: &str = "Database";
    /// Addresses, proxies, threads.
    pub const NETWORK: &str = "Network";
    /// Issuer, audiences, lifetimes.
    pub const TOKENS: &str = "Tokens and sessions";
    /// Cookies and CORS.
    pub const COOKIES: &str = "Cookies and origins";
    /// Pages for people.
    pub const PAGES: &str = "Pages";
    /// Password hashing and rate limits.
    pub const PASSWORDS: &str = "Passwords and limits";
    /// Signing keys and shared secrets.
    pub const KEYS: &str = "Keys and secrets";
    /// Outgoing mail.
    pub const MAIL: &str = "Mail";
    /// Metrics and logs.
    pub const OBSERVABILITY: &str = "Observability";
}

/// Names of HTTP headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderNames(pub Vec<HeaderName>);

/// The text without white space and a byte order mark around it. Editors and shells add both.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// An IP address and a port.
///
/// # Errors
/// A hint at valid values.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an address and a port, such as 127.0.0.1:8080".to_owned())
}

/// A duration above zero, such as `15m`.
///
/// # Errors
/// A hint at valid values.
pub fn duration(text: &str) -> Result<Duration, String> {
    match duration_or_zero(text)? {
        Duration::ZERO => Err("must be longer than zero, such as 15m or 30d".to_owned()),
        duration => Ok(duration),
    }
}

/// A duration of at most ten years, or `0s`.
///
/// # Errors
/// A hint at valid values.
pub fn duration_or_zero(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).ok().filter(|duration| *duration <= MAX_DURATION);
    parsed.ok_or_else(|| "give a number and a unit, such as 10s, 15m or 30d".to_owned())
}

/// An audience or a client id, which appears in tokens and in URLs.
///
/// # Errors
/// A hint at valid values.
pub fn name(text: &str) -> Result<String, String> {
    let is_valid = !text.is_empty() && text.len() <= 200 && text.chars().all(|c| c.is_ascii_graphic());
    if is_valid {
        Ok(text.to_owned())
    } else {
        Err("give 1 to 200 printable ASCII characters without spaces".to_owned())
    }
}

/// The URL of the auth server, without a path.
///
/// # Errors
/// A hint at valid values.
pub fn issuer(text: &str) -> Result<Url, String> {
    let url = web_url(text).ok_or("give the URL of the auth server, such as https://auth.example.org")?;
    if url.path() == "/" && url.query().is_none() {
        return Ok(url);
    }
    Err(format!(
        "a path or query is not supported, because the cookies and the metadata of the auth server belong to its whole host; \
         give {} and serve the auth server at the root of a host name of its own",
        url.origin().ascii_serialization()
    ))
}

/// An `http` or `https` URL without user name, password and fragment.
#[must_use]
pub fn web_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_valid = matches!(url.scheme(), "http" | "https")
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    is_valid.then_some(url)
}

/// Names of HTTP headers, separated by commas or white space; an empty list is valid.
///
/// # Errors
/// A sentence that names the invalid one.
pub fn header_names(text: &str) -> Result<HeaderNames, String> {
    let name = |name: &str| match name.parse() {
        Ok(name) if name != "*" => Ok(name),
        _ => {
            Err(format!("{name}: give names of HTTP headers, such as X-Tenant; wildcards are not supported"))
        }
    };
    let given = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| !name.is_empty());
    given.map(name).collect::<Result<_, _>>().map(HeaderNames)
}

/// A warning about a metrics listener on every network.
#[must_use]
pub fn exposed_metrics(address: SocketAddr) -> Option<String> {
    address.ip().is_unspecified().then(|| {
        format!("METRICS_ADDR={address} serves metrics without a password on every network of this machine")
    })
}

/// Whether a URL leads to another machine over plain HTTP.
#[must_use]
pub fn is_remote_http(url: &Url) -> bool {
    url.scheme() == "http" && !is_loopback(url)
}

/// Whether a URL leads to this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
