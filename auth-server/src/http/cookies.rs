use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::COOKIE;
use secrecy::{ExposeSecret, SecretString};
use shared_claims::{Code, Problem};

use crate::domain::KEPT_PLACES;
use crate::model::DeviceToken;

/// What may stand around a pair (RFC 6265 §4.2.1). No other white space: a sibling site can set a cookie whose name
/// begins with U+2000, which the browser does not see as `__Host-`, and which must not become ours by trimming.
const BLANKS: [char; 2] = [' ', '\t'];

/// Sets, finds and clears the server's cookies.
#[derive(Clone, Copy)]
pub struct Cookies {
    secure: bool,
    same_site: SameSite,
}

impl Cookies {
    /// The name that browsers hold to Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.2): no sibling site can set it.
    pub const SECURE_NAME: &str = "__Host-refresh_token";
    const PLAIN_NAME: &str = "refresh_token";

    /// By the settings `COOKIE_SECURE` and `COOKIE_SAMESITE`.
    pub fn new(secure: bool, same_site: SameSite) -> Self {
        Self { secure, same_site }
    }

    /// The cookie that carries a refresh token. Without `max_age` (seconds) it goes with the browser.
    pub fn refresh_token(self, token: &SecretString, max_age: Option<i64>) -> Cookie<'static> {
        let mut cookie = self.cookie(self.name(), token.expose_secret().to_owned());
        cookie.set_max_age(max_age.map(Duration::seconds));
        cookie
    }

    /// The cookie that tells the device again, in which somebody has logged in.
    pub fn device(self, token: &DeviceToken) -> Cookie<'static> {
        let mut cookie = self.cookie(self.device_name(), token.secret().to_owned());
        cookie.set_max_age(Duration::seconds(KEPT_PLACES.num_seconds()));
        cookie
    }

    /// The cookie that removes that.
    pub fn device_cleared(self) -> Cookie<'static> {
        let mut cookie = self.cookie(self.device_name(), String::new());
        cookie.set_max_age(Duration::ZERO);
        cookie
    }

    /// What an earlier login left at the device. One that is malformed or stands twice counts as none: it opens nothing.
    pub fn find_device(self, request: &HttpRequest) -> Option<DeviceToken> {
        let mut all = find_all(request, self.device_name());
        match (all.pop(), all.pop()) {
            (Some(token), None) => DeviceToken::parse(token),
            _ => None,
        }
    }

    /// The cookie that removes it.
    pub fn cleared(self) -> Cookie<'static> {
        let mut cookie = self.cookie(self.name(), String::new());
        cookie.set_max_age(Duration::ZERO);
        cookie
    }

    /// The refresh token in the request's cookies.
    ///
    /// # Errors
    /// `malformed_request` where the cookie stands twice: one of them may be planted.
    pub fn find(self, request: &HttpRequest) -> Result<Option<SecretString>, Problem> {
        let mut all = self.find_all(request);
        match (all.pop(), all.pop()) {
            (found, None) => Ok(found),
            _ => Err(Problem::new(Code::MalformedRequest).detail("The refresh cookie stands twice.")),
        }
    }

    /// Every refresh token in the request's cookies. Pairs that are not ours, however malformed, are passed over:
    /// a sibling site can plant those.
    pub fn find_all(self, request: &HttpRequest) -> Vec<SecretString> {
        find_all(request, self.name()).into_iter().map(SecretString::from).collect()
    }

    fn name(self) -> &'static str {
        if self.secure { Self::SECURE_NAME } else { Self::PLAIN_NAME }
    }

    fn device_name(self) -> &'static str {
        if self.secure { "__Host-device" } else { "device" }
    }

    fn cookie(self, name: &'static str, value: String) -> Cookie<'static> {
        Cookie::build(name, value)
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(self.same_site)
            .finish()
    }
}

fn find_all<'a>(request: &'a HttpRequest, name: &str) -> Vec<&'a str> {
    let headers = request.headers().get_all(COOKIE);
    let pairs = headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    let values = pairs.filter_map(|pair| {
        std::str::from_utf8(pair).ok()?.trim_matches(BLANKS).strip_prefix(name)?.strip_prefix('=')
    });
    values.collect()
}
