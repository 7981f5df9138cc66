use std::net::SocketAddr;
use std::time::Duration;

use shared_claims::Algorithm;
use url::{Host, Url};

/// Ten years: longer makes no sense, and sums of times stay far from their limits.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Four times as long as a key is published before it signs.
const MIN_ROTATION: Duration = Duration::from_secs(60 * 60);

pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an address and a port, such as 127.0.0.1:8080".to_owned())
}

pub fn duration(text: &str) -> Result<Duration, String> {
    match duration_or_zero(text)? {
        Duration::ZERO => Err("must be longer than nothing, such as 15m or 30d".to_owned()),
        duration => Ok(duration),
    }
}

pub fn duration_or_zero(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).ok().filter(|duration| *duration <= MAX_DURATION);
    parsed.ok_or_else(|| "give a number and a unit, such as 10s, 15m or 30d".to_owned())
}

/// Keys that change faster than caches can follow would be unknown to those who are to verify with them.
pub fn rotation(text: &str) -> Result<Duration, String> {
    let rotation = duration(text)?;
    if rotation >= MIN_ROTATION { Ok(rotation) } else { Err("must be at least 1h".to_owned()) }
}

pub fn algorithm(text: &str) -> Result<Algorithm, String> {
    text.parse().map_err(|_| "give ES256, RS256, EdDSA or HS256".to_owned())
}

/// An audience or a client id: it stands in tokens and in URLs.
pub fn name(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 200 && text.chars().all(|c| c.is_ascii_graphic());
    if fits {
        Ok(text.to_owned())
    } else {
        Err("give 1 to 200 printable characters without spaces".to_owned())
    }
}

pub fn issuer(text: &str) -> Result<Url, String> {
    let wrong =
        || "give the URL under which browsers reach this server, such as https://auth.example.org".to_owned();
    let url: Url = text.parse().map_err(|_| wrong())?;
    let is_base = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if is_base { Ok(url) } else { Err(wrong()) }
}

/// An origin as browsers send it (RFC 6454 §6.2).
pub fn origin(text: &str) -> Result<String, String> {
    let wrong = || "give origins such as https://app.example.org, without a path".to_owned();
    let url: Url = text.parse().map_err(|_| wrong())?;
    let origin = url.origin().ascii_serialization();
    if origin != "null" && text.trim_end_matches('/') == origin { Ok(origin) } else { Err(wrong()) }
}

pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Whether a browser may count both as one site: same scheme, and hosts that share their last two labels. Only for
/// a warning; which domains are registrable is known to browsers alone.
pub fn same_site(issuer: &Url, origin: &str) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    let site = |url: &Url| match url.host() {
        Some(Host::Domain(name)) => {
            let labels: Vec<&str> = name.rsplitn(3, '.').take(2).collect();
            labels.join(".")
        }
        Some(ip) => ip.to_string(),
        None => String::new(),
    };
    issuer.scheme() == origin.scheme() && site(issuer) == site(&origin)
}

/// clap's first paragraph names the option, with the variable's name beside it, what is wrong and what is right.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}
