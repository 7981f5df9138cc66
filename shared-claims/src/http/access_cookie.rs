//! The access token in a cookie, for pages that never touch a token, and what keeps other sites from using it.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::HeaderName;
use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::challenge::Challenge;
use super::cookies::find_all;
use super::problem::{Code, Problem};

/// The cookie of the access token. Browsers hold the prefix to Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.1): no
/// sibling site can set it.
pub const ACCESS_COOKIE: &str = "__Host-access_token";
/// Its name where the auth server speaks plain HTTP, for development: browsers do not take the prefix there.
pub const PLAIN_ACCESS_COOKIE: &str = "access_token";
/// The header that repeats the token's `csrf` claim.
pub const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

/// As `app_data`, has [`Authenticated`](super::authenticated::Authenticated) take the access token from the cookie
/// where there is no `Authorization` header.
///
/// Browsers send cookies along whichever page asks. So every method but GET, HEAD and OPTIONS then needs `X-CSRF-Token`
/// with the value of the token's `csrf` claim, which only pages of this host can read: else 403 `csrf_failed`. Those
/// three must change nothing in your service.
#[derive(Clone, Copy, Debug)]
pub struct AcceptCookie {
    names: &'static [&'static str],
}

impl AcceptCookie {
    /// For the cookies of this issuer: the plain name counts only where the issuer is an `http://` URL.
    #[must_use]
    pub fn of_issuer(issuer: &str) -> Self {
        let is_plain = issuer.starts_with("http://");
        Self { names: if is_plain { &[ACCESS_COOKIE, PLAIN_ACCESS_COOKIE] } else { &[ACCESS_COOKIE] } }
    }

    /// The access token in the request's cookies, if there is one.
    ///
    /// # Errors
    /// `malformed_request` for more than one: one of them may be planted.
    pub(super) fn token(self, request: &HttpRequest) -> Result<Option<&str>, Problem> {
        let mut found = self.names.iter().flat_map(|name| find_all(request, name));
        match (found.next(), found.next()) {
            (token, None) => Ok(token),
            _ => Err(Problem::new(Code::MalformedRequest)
                .detail("There is more than one access cookie.")
                .challenge(Challenge::InvalidRequest)),
        }
    }
}

/// Whether a method changes nothing, so that another site's page may as well make a browser send it.
#[must_use]
pub fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// Holds the bearer of a token from the cookie to its `csrf` claim. A token without one was never meant for a cookie,
/// and opens nothing from there, by whatever method.
pub(super) fn check_csrf(
    request: &HttpRequest,
    claim: Option<&str>,
    is_safe_method: bool,
) -> Result<(), Problem> {
    let Some(claim) = claim else {
        return Err(csrf_failed("The token in the cookie is not meant for one: it has no csrf claim."));
    };
    if is_safe_method {
        return Ok(());
    }
    let mut sent = request.headers().get_all(&X_CSRF_TOKEN);
    match (sent.next(), sent.next()) {
        (Some(value), None) if verify_slices_are_equal(value.as_bytes(), claim.as_bytes()).is_ok() => Ok(()),
        _ => Err(csrf_failed("Send the value of the CSRF cookie as X-CSRF-Token.")),
    }
}

/// The challenge names no error: those of RFC 6750 §3.1 are about tokens sent as `Bearer`.
fn csrf_failed(detail: &'static str) -> Problem {
    Problem::new(Code::CsrfFailed).detail(detail).challenge(Challenge::NoToken)
}
