//! Parsers that only this server needs.

use std::time::Duration;

use server_kit::settings::duration;
use shared_claims::Algorithm;
use url::{Host, Url};

/// Four times as long as a key is published before it signs. Caches of verifiers could not follow faster changes.
const MIN_ROTATION: Duration = Duration::from_secs(60 * 60);

pub fn rotation(text: &str) -> Result<Duration, String> {
    let rotation = duration(text)?;
    if rotation >= MIN_ROTATION { Ok(rotation) } else { Err("must be at least 1h".to_owned()) }
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
