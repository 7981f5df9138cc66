//! The access token in a cookie, for pages that never handle tokens, and its CSRF protection.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::challenge::Challenge;
use super::cookies::find_all;
use super::problem::{Code, Problem};
use super::request_head::RequestHead;
use crate::claims::{AccessClaims, CustomClaims};
use crate::error::TokenError;
use crate::validator::AccessTokenValidator;

/// How many cookies are tried.
const MAX_COOKIES: usize = 10;

/// The cookie with the access token. Its prefix makes browsers require Secure, Path=/ and no Domain
/// (RFC 6265bis §4.1.3.1), so that a sibling site cannot set it.
pub const ACCESS_COOKIE: &str = "__Host-access_token";
/// The cookie's name on plain HTTP, for development. Browsers do not accept the prefix there.
pub const PLAIN_ACCESS_COOKIE: &str = "access_token";
/// The header that must repeat the token's `csrf` claim.
pub const X_CSRF_TOKEN: &str = "x-csrf-token";

/// As `app_data` of actix or an `Extension` of axum, makes [`Authenticated`](super::authenticated::Authenticated) accept the access token from the cookie
/// if the request has no bearer token.
///
/// Browsers send cookies with requests of any page. Every method except GET, HEAD and OPTIONS therefore requires
/// `X-CSRF-Token` with the value of the token's `csrf` claim, which only pages of this host can read. Without it the
/// response is 403 `csrf_failed`. GET, HEAD and OPTIONS must not change anything in your service.
#[derive(Clone, Copy, Debug)]
pub struct AcceptCookie {
    names: &'static [&'static str],
}

impl AcceptCookie {
    /// Accepts the cookies of this issuer. The plain name is accepted only if the issuer is an `http://` URL.
    #[must_use]
    pub fn of_issuer(issuer: &str) -> Self {
        let is_plain = issuer.starts_with("http://");
        Self { names: if is_plain { &[ACCESS_COOKIE, PLAIN_ACCESS_COOKIE] } else { &[ACCESS_COOKIE] } }
    }

    /// The values of the request's access cookies.
    pub(super) fn find(self, request: &impl RequestHead) -> Vec<&str> {
        self.names.iter().flat_map(|name| find_all(request, name)).collect()
    }
}

/// The access token among the values of access cookies. Another program on the same host can have set cookies of this name:
/// those without a valid token are skipped. Tokens of two sessions are rejected, because an attacker can have planted one.
pub(super) fn choose<'a>(
    found: &[&'a str],
    validator: &AccessTokenValidator,
) -> Result<Option<&'a str>, Problem> {
    if found.len() > MAX_COOKIES {
        return Err(malformed("There are too many access cookies."));
    }
    let mut newest: Option<(&str, Arc<AccessClaims<CustomClaims>>)> = None;
    let mut expired = None;
    for &token in found {
        match (validator.check::<CustomClaims>(token), &newest) {
            (Ok(claims), Some((_, other))) if claims.sid != other.sid => {
                return Err(malformed("There are access cookies of more than one session."));
            }
            (Ok(claims), Some((_, other))) if claims.iat <= other.iat => {}
            (Ok(claims), _) => newest = Some((token, claims)),
            (Err(TokenError::Expired), _) => expired = Some(token),
            (Err(_), _) => {}
        }
    }
    Ok(newest.map(|(token, _)| token).or(expired).or(found.first().copied()))
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(Code::MalformedRequest).detail(detail).challenge(Challenge::InvalidRequest)
}

/// Whether the method must not change anything (RFC 9110 §9.2.1), so that the CSRF rule does not apply.
#[must_use]
pub fn is_safe(method: impl AsRef<str>) -> bool {
    ["GET", "HEAD", "OPTIONS"].contains(&method.as_ref())
}

/// Applies the CSRF rule to a token from the cookie. A token without `csrf` was not issued for a cookie and is rejected
/// for every method.
pub(super) fn check_csrf(
    request: &impl RequestHead,
    claim: Option<&str>,
    is_safe_method: bool,
) -> Result<(), Problem> {
    let Some(claim) = claim else {
        return Err(csrf_failed("The token in the cookie has no csrf claim."));
    };
    if is_safe_method {
        return Ok(());
    }
    let mut sent = request.header_values(X_CSRF_TOKEN);
    match (sent.next(), sent.next()) {
        (Some(value), None) if verify_slices_are_equal(value, claim.as_bytes()).is_ok() => Ok(()),
        _ => Err(csrf_failed("Send the value of the CSRF cookie as X-CSRF-Token.")),
    }
}

/// The challenge has no `error`: those of RFC 6750 §3.1 concern tokens sent as `Bearer`.
fn csrf_failed(detail: &'static str) -> Problem {
    Problem::new(Code::CsrfFailed).detail(detail).challenge(Challenge::NoToken)
}
