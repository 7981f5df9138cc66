use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponseBuilder};
use secrecy::{ExposeSecret, SecretString};
use shared_claims::http::access_cookie::{ACCESS_COOKIE, PLAIN_ACCESS_COOKIE};
use shared_claims::http::cookies::find_all;
use shared_claims::{Code, Problem};

use crate::domain::passwords::throttle::KNOWN_ORIGIN_RETENTION;
use crate::model::DeviceToken;

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

    /// Actor the settings `COOKIE_SECURE` and `COOKIE_SAMESITE`.
    pub fn new(secure: bool, same_site: SameSite) -> Self {
        Self { secure, same_site }
    }

    /// The cookie that carries a refresh token. Without `max_age` (seconds) it goes with the browser.
    pub fn refresh_token(self, token: &SecretString, max_age: Option<i64>) -> Cookie<'static> {
        self.lasting(self.name(), token.expose_secret().to_owned(), max_age)
    }

    /// The cookie that carries an access token to the resource servers behind the same host. Likewise.
    pub fn access_token(self, token: &str, max_age: Option<i64>) -> Cookie<'static> {
        self.lasting(self.access_name(), token.to_owned(), max_age)
    }

    /// The cookie that tells scripts of this host, and of no other, what `X-CSRF-Token` must say. It proves nothing alone.
    pub fn csrf_token(self, token: &str, max_age: Option<i64>) -> Cookie<'static> {
        let mut cookie = self.lasting(self.csrf_name(), token.to_owned(), max_age);
        cookie.set_http_only(false);
        cookie
    }

    /// The cookie that tells the device again, in which somebody has logged in.
    pub fn device(self, token: &DeviceToken) -> Cookie<'static> {
        self.lasting(
            self.device_name(),
            token.secret().to_owned(),
            Some(KNOWN_ORIGIN_RETENTION.num_seconds()),
        )
    }

    /// The cookie that removes that.
    pub fn device_cleared(self) -> Cookie<'static> {
        self.removed(self.device_name())
    }

    /// What an earlier login left at the device. One that is malformed or stands twice counts as none: it opens nothing.
    pub fn find_device(self, request: &HttpRequest) -> Option<DeviceToken> {
        let mut all = find_all(request, self.device_name());
        match (all.pop(), all.pop()) {
            (Some(token), None) => DeviceToken::parse(token),
            _ => None,
        }
    }

    /// The cookies that remove a session's: the refresh cookie always, the other two where either came along. Browsers
    /// keep the CSRF cookie for as long as the refresh cookie, so that one of them does, wherever there are any.
    pub fn cleared(self, request: &HttpRequest) -> Vec<Cookie<'static>> {
        std::iter::once(self.removed(self.name())).chain(self.access_cleared(request)).collect()
    }

    /// Removes a session's cookies.
    pub fn clear(self, request: &HttpRequest, response: &mut HttpResponseBuilder) {
        for cookie in self.cleared(request) {
            response.cookie(cookie);
        }
    }

    /// Removes the access cookie and the CSRF cookie, where either came along.
    pub fn clear_access(self, request: &HttpRequest, response: &mut HttpResponseBuilder) {
        for cookie in self.access_cleared(request) {
            response.cookie(cookie);
        }
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

    fn access_cleared(self, request: &HttpRequest) -> Vec<Cookie<'static>> {
        let names = [self.access_name(), self.csrf_name()];
        let came = names.iter().any(|name| !find_all(request, name).is_empty());
        if came { names.map(|name| self.removed(name)).to_vec() } else { Vec::new() }
    }

    fn name(self) -> &'static str {
        if self.secure { Self::SECURE_NAME } else { Self::PLAIN_NAME }
    }

    fn access_name(self) -> &'static str {
        if self.secure { ACCESS_COOKIE } else { PLAIN_ACCESS_COOKIE }
    }

    fn csrf_name(self) -> &'static str {
        if self.secure { "__Host-csrf_token" } else { "csrf_token" }
    }

    fn device_name(self) -> &'static str {
        if self.secure { "__Host-device" } else { "device" }
    }

    fn removed(self, name: &'static str) -> Cookie<'static> {
        self.lasting(name, String::new(), Some(0))
    }

    fn lasting(self, name: &'static str, value: String, max_age: Option<i64>) -> Cookie<'static> {
        let mut cookie = self.cookie(name, value);
        cookie.set_max_age(max_age.map(Duration::seconds));
        cookie
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
