use std::future::{Ready, ready};

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use secrecy::{ExposeSecret, SecretString};
use shared_claims::Problem;
use shared_claims::http::access_cookie::{ACCESS_COOKIE, PLAIN_ACCESS_COOKIE};
use shared_claims::http::cookies::find_all;

use crate::domain::passwords::KNOWN_ORIGIN_RETENTION;
use crate::http::extract::app_data;
use crate::model::DeviceToken;

/// Creates, finds and clears the server's cookies, as the settings `COOKIE_SECURE` and `COOKIE_SAMESITE` require.
#[derive(Clone, Copy)]
pub struct Cookies {
    secure: bool,
    same_site: SameSite,
}

impl FromRequest for Cookies {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(app_data(request).copied())
    }
}

impl Cookies {
    /// Browsers accept a `__Host-` cookie only with Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.2): no sibling site can
    /// set it.
    pub const SECURE_NAME: &str = "__Host-refresh_token";
    const PLAIN_NAME: &str = "refresh_token";

    pub fn new(secure: bool, same_site: SameSite) -> Self {
        Self { secure, same_site }
    }

    /// Without `max_age` (seconds) the cookie ends with the browser. The same holds for the next two.
    pub fn refresh_token(self, token: &SecretString, max_age: Option<i64>) -> Cookie<'_> {
        self.cookie(self.name(), token.expose_secret(), max_age)
    }

    /// For resource servers behind the same host.
    pub fn access_token(self, token: &str, max_age: Option<i64>) -> Cookie<'_> {
        self.cookie(self.access_name(), token, max_age)
    }

    /// The value of `X-CSRF-Token`, for scripts of this host, which no other site can read. It proves nothing alone.
    pub fn csrf_token(self, token: &str, max_age: Option<i64>) -> Cookie<'_> {
        let mut cookie = self.cookie(self.csrf_name(), token, max_age);
        cookie.set_http_only(false);
        cookie
    }

    /// Recognizes the device at the next login.
    pub fn device(self, token: &DeviceToken) -> Cookie<'_> {
        self.cookie(self.device_name(), token.secret(), Some(KNOWN_ORIGIN_RETENTION.num_seconds()))
    }

    pub fn device_cleared(self) -> Cookie<'static> {
        self.removed(self.device_name())
    }

    /// The token of an earlier login. A malformed or duplicate cookie counts as absent: it authorizes nothing.
    pub fn find_device(self, request: &HttpRequest) -> Option<DeviceToken> {
        let mut all = find_all(request, self.device_name());
        match (all.pop(), all.pop()) {
            (Some(token), None) => DeviceToken::parse(token),
            _ => None,
        }
    }

    /// Clears the cookies of a session: the refresh cookie always, the other two if the request has one of them. Browsers keep
    /// the CSRF cookie for as long as the refresh cookie.
    pub fn cleared(self, request: &HttpRequest) -> Vec<Cookie<'static>> {
        self.own_cleared(request).into_iter().chain(self.shadowing(request)).collect()
    }

    /// Like [`Self::cleared`], without the cookies of other programs.
    pub fn own_cleared(self, request: &HttpRequest) -> Vec<Cookie<'static>> {
        std::iter::once(self.removed(self.name())).chain(self.access_cleared(request)).collect()
    }

    /// Clears the access cookie and the CSRF cookie, if the request has one of them.
    pub fn access_cleared(self, request: &HttpRequest) -> Vec<Cookie<'static>> {
        let names = [self.access_name(), self.csrf_name()];
        let is_sent = names.iter().any(|name| !find_all(request, name).is_empty());
        if is_sent { names.map(|name| self.removed(name)).to_vec() } else { Vec::new() }
    }

    /// Clears refresh cookies that hide ours. Another program on the same host can have set one for a longer path, and browsers
    /// send both. With a `__Host-` name that is impossible.
    pub fn shadowing(self, request: &HttpRequest) -> Vec<Cookie<'static>> {
        if self.secure || self.find_all(request).len() <= 1 {
            return Vec::new();
        }
        // Every path that matches the request (RFC 6265 §5.1.4), except the one of our own cookie.
        let path = request.path();
        let slashes = path.match_indices('/').map(|(at, _)| at).skip(1);
        let paths = slashes.flat_map(|at| [&path[..at], &path[..=at]]).chain([path]);
        paths.map(|path| self.removed_from(self.name(), path)).collect()
    }

    /// Cookies of other names are skipped, even if they are malformed: a sibling site can plant those.
    pub fn find_all(self, request: &HttpRequest) -> Vec<SecretString> {
        find_all(request, self.name()).into_iter().map(SecretString::from).collect()
    }

    /// Whether the browser sent a refresh token.
    pub fn has_refresh_token(self, request: &HttpRequest) -> bool {
        !find_all(request, self.name()).is_empty()
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
        self.cookie(name, "", Some(0))
    }

    fn removed_from(self, name: &'static str, path: &str) -> Cookie<'static> {
        let mut cookie = self.removed(name);
        cookie.set_path(path.to_owned());
        cookie
    }

    fn cookie<'a>(self, name: &'static str, value: &'a str, max_age: Option<i64>) -> Cookie<'a> {
        let mut cookie = Cookie::build(name, value)
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(self.same_site)
            .finish();
        cookie.set_max_age(max_age.map(Duration::seconds));
        cookie
    }
}
