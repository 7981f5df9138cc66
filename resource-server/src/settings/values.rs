use std::net::SocketAddr;
use std::time::Duration;

use url::{Host, Url};

const MIN_MAX_AGE: Duration = Duration::from_secs(5);
const MAX_MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Origins as browsers send them. Empty: no page of another origin may read answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(pub(crate) Vec<String>);

pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an address and a port, such as 127.0.0.1:8081".to_owned())
}

/// An audience stands in tokens and in URLs.
pub fn audience(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 200 && text.chars().all(|c| c.is_ascii_graphic());
    if fits {
        Ok(text.to_owned())
    } else {
        Err("give 1 to 200 printable characters without spaces".to_owned())
    }
}

/// The issuer without the slash that URLs end in, as the auth server writes it into tokens.
pub fn issuer(text: &str) -> Result<String, String> {
    let wrong = "give the auth server's URL without a path, such as https://auth.example.org";
    let url = web_url(text).filter(|url| url.path() == "/" && url.query().is_none()).ok_or(wrong)?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

pub fn jwks_url(text: &str) -> Result<Url, String> {
    let wrong = "give a URL such as https://auth.example.org/.well-known/jwks.json";
    Ok(web_url(text).ok_or(wrong)?)
}

pub fn feed_url(text: &str) -> Result<Url, String> {
    let wrong = "give a URL such as https://auth.example.org/revocations";
    Ok(web_url(text).ok_or(wrong)?)
}

/// The feed is asked once a second: less than a few of them would shut everybody out at the first hiccup.
pub fn max_age(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).ok().filter(|age| (MIN_MAX_AGE..=MAX_MAX_AGE).contains(age));
    parsed.ok_or_else(|| "give 5s to 1day, such as 30s".to_owned())
}

pub fn origins(text: &str) -> Result<AllowedOrigins, String> {
    let given = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    given.map(origin).collect::<Result<_, _>>().map(AllowedOrigins)
}

/// An origin as browsers send it (RFC 6454 §6.2).
fn origin(text: &str) -> Result<String, String> {
    let wrong = "give origins such as https://app.example.org, without a path";
    let origin = web_url(text).ok_or(wrong)?.origin().ascii_serialization();
    if text.trim_end_matches('/') == origin { Ok(origin) } else { Err(wrong.to_owned()) }
}

pub fn is_plain_http_beyond_loopback(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
}

/// clap's first paragraph names the option, with the variable's name beside it, what is wrong and what is right.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}

fn web_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let fits = matches!(url.scheme(), "http" | "https")
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    fits.then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
