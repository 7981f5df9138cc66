use url::{Host, Url};

use super::{is_loopback, trimmed, web_url};

const HINT: &str = "give scheme and host, such as https://app.example.org";
/// Pages of these schemes send `Origin: null`, or there are no such pages.
const WITHOUT_ORIGIN: [&str; 9] =
    ["about", "blob", "data", "file", "ftp", "javascript", "view-source", "ws", "wss"];

/// Origins as browsers send them (RFC 6454 §6.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    listed: Vec<String>,
    every_loopback: bool,
}

impl Origins {
    /// Adds every web origin on this machine, on any port. No setting does this: it is for programs that host the servers
    /// for development.
    #[must_use]
    pub fn with_every_loopback(self) -> Self {
        Self { every_loopback: true, ..self }
    }

    /// Whether this includes every web origin on this machine.
    #[must_use]
    pub fn has_every_loopback(&self) -> bool {
        self.every_loopback
    }

    /// Those of the setting.
    #[must_use]
    pub fn listed(&self) -> &[String] {
        &self.listed
    }

    /// Whether no origin is one of these.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && !self.every_loopback
    }

    /// Whether `origin`, as a browser sent it, is one of these. The host of an app or an extension may have capitals.
    #[must_use]
    pub fn contain(&self, origin: &str) -> bool {
        let mut listed = self.listed.iter();
        listed.any(|listed| listed == origin || is_of_app(listed) && listed.eq_ignore_ascii_case(origin))
            || self.every_loopback && is_loopback_origin(origin)
    }
}

/// Origins separated by commas or white space; an empty list is valid.
///
/// # Errors
/// A sentence that names the invalid one.
pub fn origins(text: &str) -> Result<Origins, String> {
    let given = text.split(|c: char| c == ',' || c.is_whitespace()).map(trimmed);
    given.filter(|origin| !origin.is_empty()).map(origin).collect::<Result<Vec<_>, _>>().map(Origins::from)
}

/// The origin of a web page.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn web_origin(text: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| is_web(url.scheme()));
    let Some(url) = url else { return Err(format!("{text}: {HINT}")) };
    let is_host =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if matches!(url.host(), Some(Host::Domain(name)) if !is_host(name)) {
        return Err(format!("{text}: {HINT}"));
    }
    let origin = url.origin().ascii_serialization();
    if web_url(text).is_none() || url.query().is_some() || url.path() != "/" {
        return Err(format!("{text}: an origin has no path, query or user name; give {origin}"));
    }
    Ok(origin)
}

fn origin(text: &str) -> Result<String, String> {
    if text.contains('*') {
        return Err(format!("{text}: wildcards are not supported; list every origin"));
    }
    if text.eq_ignore_ascii_case("null") {
        return Err(format!("{text}: local files and sandboxed frames of any page have this origin"));
    }
    match text.split_once("://") {
        Some((scheme, host)) if !is_web(scheme) => {
            app_origin(scheme, host).ok_or_else(|| format!("{text}: {HINT}"))
        }
        Some(_) => web_origin(text),
        None => Err(format!("{text}: {HINT}")),
    }
}

/// The origin of an app or an extension, such as `capacitor://localhost`.
fn app_origin(scheme: &str, host: &str) -> Option<String> {
    let scheme = scheme.to_ascii_lowercase();
    let host = host.strip_suffix('/').unwrap_or(host);
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    let is_valid = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !WITHOUT_ORIGIN.contains(&scheme.as_str())
        && !host.is_empty()
        && host.bytes().all(is_host);
    is_valid.then(|| format!("{scheme}://{}", host.to_ascii_lowercase()))
}

impl From<Vec<String>> for Origins {
    fn from(listed: Vec<String>) -> Self {
        Self { listed, every_loopback: false }
    }
}

/// Only in the form that browsers send.
fn is_loopback_origin(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| {
        is_web(url.scheme()) && is_loopback(&url) && url.origin().ascii_serialization() == origin
    })
}

fn is_web(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

fn is_of_app(origin: &str) -> bool {
    origin.split_once("://").is_some_and(|(scheme, _)| !is_web(scheme))
}

#[cfg(test)]
mod tests {
    use super::{Origins, origins, web_origin};

    #[test]
    fn origins_are_normalised_as_browsers_send_them() {
        const EXTENSION: &str = "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb";
        let two = &["https://a.example", "https://b.example"][..];
        for (text, expected) in [
            ("", &[][..]),
            (" , ", &[]),
            ("https://a.example, https://b.example", two),
            ("https://a.example,https://b.example,", two),
            ("https://a.example\r\n  https://b.example", two),
            ("HTTPS://A.Example", &["https://a.example"]),
            ("https://a.example/", &["https://a.example"]),
            ("https://a.example:443", &["https://a.example"]),
            ("http://a.example:80/", &["http://a.example"]),
            ("http://a.example:443", &["http://a.example:443"]),
            ("http://localhost:3000", &["http://localhost:3000"]),
            ("http://[::1]:3000", &["http://[::1]:3000"]),
            ("https://münchen.example", &["https://xn--mnchen-3ya.example"]),
            ("capacitor://localhost", &["capacitor://localhost"]),
            ("Ionic://LocalHost/", &["ionic://localhost"]),
            ("tauri://localhost", &["tauri://localhost"]),
            ("http://tauri.localhost", &["http://tauri.localhost"]),
            (EXTENSION, &[EXTENSION]),
            ("app://obsidian.md", &["app://obsidian.md"]),
        ] {
            let expected =
                Origins::from(expected.iter().map(|&origin| origin.to_owned()).collect::<Vec<_>>());
            assert_eq!(origins(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_values_are_rejected_with_the_reason() {
        for (text, reason) in [
            ("*", "*: wildcards are not supported"),
            ("https://*.example.org", "https://*.example.org: wildcards are not supported"),
            ("https://a.example, https://*", "https://*: wildcards"),
            ("chrome-extension://*", "wildcards"),
            ("null", "null: local files"),
            ("app.example.org", "app.example.org: give scheme and host"),
            ("localhost:3000", "give scheme and host"),
            ("https://", "give scheme and host"),
            ("https://a.example;https://b.example", "give scheme and host"),
            ("https://a.example;", "give scheme and host"),
            ("\"https://a.example\"", "give scheme and host"),
            ("https://a.example/app", "no path, query or user name; give https://a.example"),
            ("https://a.example/?x", "no path"),
            ("https://ann@a.example", "user name; give https://a.example"),
            ("capacitor://localhost/app", "give scheme and host"),
            ("capacitor://", "give scheme and host"),
            ("file://", "give scheme and host"),
            ("wss://a.example", "give scheme and host"),
        ] {
            assert!(origins(text).is_err_and(|error| error.contains(reason)), "{text}: {:?}", origins(text));
        }
        assert!(web_origin("capacitor://localhost").is_err());
    }

    #[test]
    fn only_listed_origins_match() {
        let listed = origins("https://a.example,safari-web-extension://ABC-1").expect("origins");
        for origin in ["https://a.example", "safari-web-extension://ABC-1", "safari-web-extension://abc-1"] {
            assert!(listed.contain(origin), "{origin}");
        }
        for origin in [
            "https://A.example",
            "https://a.example:443",
            "http://a.example",
            "null",
            "",
            "safari-web-extension://abc",
        ] {
            assert!(!listed.contain(origin), "{origin}");
        }
    }

    #[test]
    fn every_loopback_origin_is_one_of_this_machine_on_any_port() {
        let origins = Origins::default().with_every_loopback();
        for origin in [
            "http://localhost:5173",
            "http://localhost",
            "https://localhost:3000",
            "http://127.0.0.1:8000",
            "http://127.1.2.3:8000",
            "http://[::1]:4321",
            "http://app.localhost:5173",
        ] {
            assert!(origins.contain(origin), "{origin}");
            assert!(!Origins::default().contain(origin), "{origin}");
        }
        for origin in [
            "http://localhost.example.org:5173",
            "http://evil-localhost:5173",
            "http://192.168.1.5:5173",
            "http://0.0.0.0:5173",
            "http://user@localhost:5173",
            "http://localhost:5173/",
            "http://localhost:80",
            "HTTP://localhost:5173",
            "capacitor://localhost",
            "file://localhost",
            "localhost:5173",
            "null",
            "",
        ] {
            assert!(!origins.contain(origin), "{origin}");
        }
    }
}
