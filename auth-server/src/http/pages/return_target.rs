//! Where a user continues after signing in: `return_to`. Any page can link to the sign-in page, so the target must be a page
//! of this server or of `ALLOWED_ORIGINS`.

use server_kit::settings::Origins;
use url::{Position, Url, form_urlencoded};

/// Percent-encoded, as all parameters.
const ENCODED: &str = "return_to";
/// The path as a proxy received it: everything that follows. nginx cannot percent-encode it.
const RAW: &str = "return_path=";

/// What the query of a sign-in page asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum ReturnTarget {
    /// Nothing.
    Absent,
    /// A page that must not be the target.
    Rejected,
    Allowed(Url),
}

impl ReturnTarget {
    pub fn parse(query: &str, issuer: &Url, allowed: &Origins) -> Self {
        let raw = query.strip_prefix(RAW).or_else(|| Some(query.split_once(&format!("&{RAW}"))?.1));
        let text = match raw {
            Some(path) => Some(path.to_owned()),
            None => form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == ENCODED)
                .map(|(_, text)| text.into_owned()),
        };
        match text {
            None => Self::Absent,
            Some(text) => target(&text, issuer, allowed).map_or(Self::Rejected, Self::Allowed),
        }
    }

    pub fn url(&self) -> Option<&Url> {
        match self {
            Self::Allowed(url) => Some(url),
            Self::Absent | Self::Rejected => None,
        }
    }
}

/// The host and port, as users see them.
pub fn label(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

fn target(text: &str, issuer: &Url, allowed: &Origins) -> Option<Url> {
    // Browsers remove or replace these.
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return None;
    }
    let is_path = text.starts_with('/') && !text.starts_with("//");
    let lower = text.to_ascii_lowercase();
    let url = if is_path {
        issuer.join(text).ok()?
    } else if lower.starts_with("https://") || lower.starts_with("http://") {
        Url::parse(text).ok()?
    } else {
        return None;
    };
    let has_user = !url.username().is_empty() || url.password().is_some();
    let is_own = url.origin() == issuer.origin();
    let is_allowed = is_own || allowed.contain(&url.origin().ascii_serialization());
    (is_allowed && !has_user && !(is_own && is_sign_in(&url, issuer))).then_some(url)
}

/// The page itself would be a redirect loop, and calls are no pages.
fn is_sign_in(url: &Url, issuer: &Url) -> bool {
    let path = url.path().strip_prefix(issuer.path().trim_end_matches('/')).unwrap_or_else(|| url.path());
    ["/login", "/auth"]
        .iter()
        .any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use server_kit::settings::origins;
    use url::Url;

    use crate::http::pages::return_target::ReturnTarget;

    fn parse(issuer: &str, query: &str) -> ReturnTarget {
        let allowed = origins("https://app.example.org,http://localhost:3000").unwrap();
        ReturnTarget::parse(query, &Url::parse(issuer).unwrap(), &allowed)
    }

    fn of(text: &str) -> ReturnTarget {
        let query: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        parse("https://auth.example.org", &format!("lang=de&return_to={query}&x=1"))
    }

    #[test]
    fn a_user_returns_to_this_server_or_an_allowed_origin() {
        for (text, target) in [
            ("/", "https://auth.example.org/"),
            ("/app/?a=1&b=%2F#part", "https://auth.example.org/app/?a=1&b=%2F#part"),
            ("/loginx", "https://auth.example.org/loginx"),
            ("/authors", "https://auth.example.org/authors"),
            ("/.//evil.example", "https://auth.example.org//evil.example"),
            ("https://app.example.org", "https://app.example.org/"),
            ("https://APP.example.org:443/x?y", "https://app.example.org/x?y"),
            ("https://app.example.org/login", "https://app.example.org/login"),
            ("http://localhost:3000/ä", "http://localhost:3000/%C3%A4"),
            ("https://auth.example.org/account", "https://auth.example.org/account"),
        ] {
            assert_eq!(of(text).url().map(Url::as_str), Some(target), "{text}");
        }
    }

    #[test]
    fn any_other_target_is_rejected() {
        for text in [
            "",
            "app",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\u{0}//evil.example",
            " https://app.example.org",
            "https:evil.example",
            "https:/evil.example",
            "https://evil.example",
            "https://app.example.org.evil.example",
            "https://evil.example/https://app.example.org",
            "https://app.example.org@evil.example",
            "https://app.example.org%40evil.example",
            "https://user@app.example.org",
            "https://:secret@app.example.org",
            "https://app.example.org:8443",
            "http://app.example.org",
            "http://localhost:3001",
            "http://127.0.0.1:3000",
            "https://auth.example.org:444/",
            "http://auth.example.org/",
            "javascript:alert(1)",
            "JavaScript://app.example.org/%0aalert(1)",
            "data:text/html,x",
            "blob:https://app.example.org/x",
            "file:///etc/passwd",
            "capacitor://localhost",
            "//app.example.org",
            "%2F%2Fevil.example",
            "/login",
            "/login?return_to=/login",
            "/x/../login",
            "/%2e%2e/login/",
            "/auth/refresh",
            "https://auth.example.org/login",
        ] {
            assert_eq!(of(text), ReturnTarget::Rejected, "{text:?}");
        }
        assert_eq!(of("/").url().map(Url::as_str), Some("https://auth.example.org/"));
        assert_eq!(parse("https://auth.example.org", "lang=de"), ReturnTarget::Absent);
    }

    #[test]
    fn a_proxy_passes_the_path_as_it_received_it() {
        let issuer = "https://example.org/auth";
        for (query, target) in [
            ("return_path=/app?a=1&b=%2F&return_path=/x", "https://example.org/app?a=1&b=%2F&return_path=/x"),
            ("lang=de&return_path=/app&return_to=/y", "https://example.org/app&return_to=/y"),
            ("return_path=/files/a%20b", "https://example.org/files/a%20b"),
        ] {
            assert_eq!(parse(issuer, query).url().map(Url::as_str), Some(target), "{query}");
        }
        for query in
            ["return_path=//evil.example", "return_path=/auth/login", "return_path=%2F", "return_path="]
        {
            assert_eq!(parse(issuer, query), ReturnTarget::Rejected, "{query}");
        }
    }
}
