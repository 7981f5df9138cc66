use std::future::{Ready, ready};

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use secrecy::{ExposeSecret, SecretString};
use shared_claims::http::access_cookie::{ACCESS_COOKIE, PLAIN_ACCESS_COOKIE};
use shared_claims::http::cookies::find_all;
use shared_claims::{Code, Problem};

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
    pub fn refresh_token(self, token: &SecretString, max_age: Option<i64>) -> Cookie<'static> {
        self.cookie(self.name(), token.expose_secret(), max_age)
    }

    /// For resource servers behind the same host.
    pub fn access_token(self, token: &str, max_age: Option<i64>) -> Cookie<'static> {
        self.cookie(self.access_name(), token, max_age)
    }

    /// The value of `X-CSRF-Token`, for scripts of this host, which no other site can read. It proves nothing alone.
    pub fn csrf_token(self, token: &str, max_age: Option<i64>) -> Cookie<'static> {
        let mut cookie = self.cookie(self.csrf_name(), token, max_age);
        cookie.set_http_only(false);
        cookie
    }

    /// Recognizes the device at the next login.
    pub fn device(self, token: &DeviceToken) -> Cookie<'static> {
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
        std::iter::once(self.removed(self.name())).chain(self.access_cleared(request)).collect()
    }

    /// Clears the access cookie and the CSRF cookie, if the request has one of them.
    pub fn access_cleared(self, request: &HttpRequest) -> Vec<Cookie<'static>> {
        let names = [self.access_name(), self.csrf_name()];
        let is_sent = names.iter().any(|name| !find_all(request, name).is_empty());
        if is_sent { names.map(|name| self.removed(name)).to_vec() } else { Vec::new() }
    }

    /// The refresh token in the cookie. Two cookies are a `malformed_request`: another site can have planted one.
    pub fn find(self, request: &HttpRequest) -> Result<Option<SecretString>, Problem> {
        let mut all = self.find_all(request);
        match (all.pop(), all.pop()) {
            (found, None) => Ok(found),
            _ => {
                Err(Problem::new(Code::MalformedRequest)
                    .detail("The request has more than one refresh cookie."))
            }
        }
    }

    /// Cookies of other names are skipped, even if they are malformed: a sibling site can plant those.
    pub fn find_all(self, request: &HttpRequest) -> Vec<SecretString> {
        find_all(request, self.name()).into_iter().map(SecretString::from).collect()
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

    fn cookie(self, name: &'static str, value: &str, max_age: Option<i64>) -> Cookie<'static> {
        let mut cookie = Cookie::build(name, value.to_owned())
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(self.same_site)
            .finish();
        cookie.set_max_age(max_age.map(Duration::seconds));
        cookie
    }
}
