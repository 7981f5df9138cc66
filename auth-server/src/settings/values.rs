//! Parsers that only this server needs.

use std::time::Duration;

use server_kit::settings::{duration, duration_or_zero};
use shared_claims::Algorithm;
use url::{Host, Url};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Four times as long as a key is published before it signs. Caches of verifiers could not follow faster changes.
const MIN_ROTATION: Duration = HOUR;
/// A stolen key signs at most this long.
const MAX_ROTATION: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// An access token cannot be revoked at a resource server without the revocation feed.
const MAX_TOKEN_LIFE: Duration = DAY;
/// Browsers keep cookies no longer (RFC 6265bis §5.5).
const MAX_SESSION_LIFE: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// A stolen token works undetected during the grace period. The tests of races need one that never ends.
const MAX_GRACE: Duration = if cfg!(feature = "fail-points") { HOUR } else { Duration::from_secs(60) };
/// An attacker must not be able to wait until the events are purged.
const MIN_EVENT_RETENTION: Duration = DAY;

pub fn rotation(text: &str) -> Result<Duration, String> {
    let rotation = duration(text)?;
    if rotation >= MIN_ROTATION {
        at_most(rotation, MAX_ROTATION)
    } else {
        Err("must be at least 1h".to_owned())
    }
}

pub fn token_life(text: &str) -> Result<Duration, String> {
    at_most(whole_seconds(text)?, MAX_TOKEN_LIFE)
}

pub fn session_life(text: &str) -> Result<Duration, String> {
    at_most(whole_seconds(text)?, MAX_SESSION_LIFE)
}

pub fn grace(text: &str) -> Result<Duration, String> {
    at_most(duration_or_zero(text)?, MAX_GRACE)
}

pub fn event_retention(text: &str) -> Result<Duration, String> {
    let retention = duration(text)?;
    if retention >= MIN_EVENT_RETENTION { Ok(retention) } else { Err("must be at least 1d".to_owned()) }
}

/// Times in tokens and cookies have whole seconds, and `15ms` is a misspelt `15m`.
fn whole_seconds(text: &str) -> Result<Duration, String> {
    let given = duration(text)?;
    if given.subsec_nanos() == 0 {
        Ok(given)
    } else {
        Err("give whole seconds, such as 15m or 30d".to_owned())
    }
}

fn at_most(given: Duration, limit: Duration) -> Result<Duration, String> {
    if given <= limit { Ok(given) } else { Err(format!("must be at most {}", short(limit))) }
}

/// As settings are written: `60s`, `24h`, `400d`.
fn short(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if duration > DAY => format!("{}d", seconds / DAY.as_secs()),
        seconds if duration >= HOUR => format!("{}h", seconds / HOUR.as_secs()),
        seconds => format!("{seconds}s"),
    }
}

/// A line of security.txt (RFC 9116 §2.5.3).
pub fn contact(text: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "mailto" | "https" | "tel"));
    let is_line = text.chars().all(|c| c.is_ascii_graphic());
    url.filter(|_| is_line)
        .map(|_| text.to_owned())
        .ok_or_else(|| "give a URL such as mailto:security@example.org".into())
}

pub fn page_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| "give a URL such as https://app.example.org/password".to_owned())
}

pub fn algorithm(text: &str) -> Result<Algorithm, String> {
    text.parse().map_err(|_| "give ES256, RS256, EdDSA or HS256".to_owned())
}

/// Whether the scheme and the last two labels of the hosts are equal. Only browsers know which domains are registrable,
/// so use it for warnings only.
pub fn is_same_site(issuer: &Url, origin: &str) -> bool {
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
