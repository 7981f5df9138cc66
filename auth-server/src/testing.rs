//! Access to the parsers and signers of the server for property tests, fuzzers and benchmarks. Requires the feature `testing`,
//! which no program enables.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::cookie::SameSite;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use shared_claims::{Algorithm, Clock};

use crate::domain::keys::{Signer, generate};
use crate::domain::tokens::RefreshTokens;
use crate::http::{Cookies, idempotency_key as key};
use crate::model::Email;

/// The `Idempotency-Key` is malformed.
#[derive(Debug, PartialEq, Eq)]
pub struct MalformedKey;

/// Parses refresh tokens as the server does before it queries the database.
pub struct RefreshTokenReader(RefreshTokens);

impl RefreshTokenReader {
    /// A reader for one issuer and one secret.
    #[must_use]
    pub fn new(issuer: &str, secret: &str, clock: Arc<dyn Clock>) -> Self {
        Self(RefreshTokens::new(issuer, &SecretString::from(secret), &[], clock))
    }

    /// The session and the generation of a valid token.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<(String, u64)> {
        let token = self.0.read(&SecretString::from(token)).ok()?;
        Some((token.session.to_string(), token.generation.get()))
    }
}

/// Signs tokens as the server does.
pub struct TokenSigner {
    header: String,
    signer: Signer,
}

impl TokenSigner {
    /// With a new ES256 key.
    ///
    /// # Panics
    /// If the cryptographic library makes no key.
    #[must_use]
    pub fn es256() -> Self {
        let key = generate(Algorithm::Es256).and_then(|key| Signer::from_pkcs8(Algorithm::Es256, &key));
        Self::new("at+jwt", key.expect("a key"))
    }

    /// With HS256 and this secret.
    #[must_use]
    pub fn hs256(secret: &str) -> Self {
        Self::new("rt+jwt", Signer::from_secret(secret.as_bytes()))
    }

    /// A token with these claims.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn sign(&self, claims: &impl Serialize) -> String {
        self.signer.sign(&self.header, claims).expect("a token")
    }

    fn new(typ: &str, signer: Signer) -> Self {
        Self { header: signer.header(typ, "kid of the 43 characters of a thumbprint..."), signer }
    }
}

/// The address in its normal form, if it is valid.
#[must_use]
pub fn email(text: &str) -> Option<String> {
    Email::parse(text).ok().map(|email| email.to_string())
}

/// The values of the request's refresh cookies, in the order sent.
#[must_use]
pub fn refresh_cookies(request: &HttpRequest) -> Vec<String> {
    let found = Cookies::new(true, SameSite::Strict).find_all(request);
    found.iter().map(|token| token.expose_secret().to_owned()).collect()
}

/// Whether the request has an `Idempotency-Key`.
///
/// # Errors
/// [`MalformedKey`], also for more than one key.
pub fn idempotency_key(request: &HttpRequest) -> Result<bool, MalformedKey> {
    key(request).map(|key| key.is_some()).map_err(|_| MalformedKey)
}
