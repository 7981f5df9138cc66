//! For property tests and fuzzers: doors to what the edge of the server reads, behind the feature `testing`, which no
//! program turns on.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::cookie::SameSite;
use secrecy::{ExposeSecret, SecretString};
use shared_claims::Clock;

use crate::domain::tokens::RefreshTokens;
use crate::http::{Cookies, idempotency_key as key};
use crate::model::Email;

/// The refresh cookie stands twice.
#[derive(Debug, PartialEq, Eq)]
pub struct CookieTwice;

/// The `Idempotency-Key` is none.
#[derive(Debug, PartialEq, Eq)]
pub struct MalformedKey;

/// Reads refresh tokens as the server does before it asks the database.
pub struct RefreshTokenReader(RefreshTokens);

impl RefreshTokenReader {
    /// Of one issuer with one secret.
    #[must_use]
    pub fn new(issuer: &str, secret: &str, clock: Arc<dyn Clock>) -> Self {
        Self(RefreshTokens::new(issuer, &SecretString::from(secret), &[], clock))
    }

    /// The session and the generation, if the token is one.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<(String, u64)> {
        let token = self.0.read(&SecretString::from(token)).ok()?;
        Some((token.session.to_string(), token.generation.get()))
    }
}

/// The address in its one form, if it is one.
#[must_use]
pub fn email(text: &str) -> Option<String> {
    Email::parse(text).ok().map(|email| email.to_string())
}

/// The refresh token in the request's cookies.
///
/// # Errors
/// There are two.
pub fn refresh_cookie(request: &HttpRequest) -> Result<Option<String>, CookieTwice> {
    let found = Cookies::new(true, SameSite::Strict).find(request).map_err(|_| CookieTwice)?;
    Ok(found.map(|token| token.expose_secret().to_owned()))
}

/// Whether the request has a key.
///
/// # Errors
/// It has one that is malformed, or several.
pub fn idempotency_key(request: &HttpRequest) -> Result<bool, MalformedKey> {
    key(request).map(|key| key.is_some()).map_err(|_| MalformedKey)
}
