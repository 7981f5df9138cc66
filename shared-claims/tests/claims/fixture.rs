//! An issuer with one key, an API that trusts it, and a clock that tests move.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared_claims::testing::{self, ManualClock, SigningKey};
use shared_claims::{AccessClaims, AccessTokenValidator, Algorithm, Clock, Keys, TokenError};

pub const ISSUER: &str = "https://auth.example";
pub const AUDIENCE: &str = "api";
pub const CACHE: usize = 1 << 20;

pub struct Fixture {
    pub clock: ManualClock,
    pub key: SigningKey,
    pub validator: AccessTokenValidator,
}

impl Fixture {
    pub fn new() -> Self {
        Self::of(Algorithm::Es256)
    }

    pub fn of(algorithm: Algorithm) -> Self {
        let clock = ManualClock::new();
        let key = SigningKey::generate(algorithm);
        let validator = validator(key.key_set(), &clock).with_algorithms(&[algorithm]);
        Self { clock, key, validator }
    }

    /// Claims that are valid now.
    pub fn claims(&self) -> AccessClaims {
        testing::access_claims(ISSUER, AUDIENCE, self.clock.now())
    }

    /// The same as JSON, for tests to change.
    pub fn claims_json(&self) -> Value {
        json!(self.claims())
    }

    /// A token that is valid now.
    pub fn token(&self) -> String {
        self.key.access_token(&self.claims())
    }

    /// A token of the issuer with these claims.
    pub fn token_with_claims(&self, claims: &Value) -> String {
        self.key.sign(&self.key.access_header(), claims)
    }

    /// A token of the issuer with this text as its payload.
    pub fn token_of_text(&self, payload: &str) -> String {
        self.key.sign_bytes(self.key.access_header().to_string().as_bytes(), payload.as_bytes())
    }

    /// A token of the issuer with `name` set to `value` in its header.
    pub fn token_headed(&self, name: &str, value: Value) -> String {
        let mut header = self.key.access_header();
        header[name] = value;
        self.key.sign(&header, &self.claims())
    }

    /// A token of the issuer with `name` set to `value` in its claims.
    pub fn token_with(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims_json();
        claims[name] = value;
        self.token_with_claims(&claims)
    }

    /// The outcome without a cache. With a cache it is the same, for the first validation of a token and for the second.
    pub fn check(&self, token: &str) -> Result<AccessClaims, TokenError> {
        let outcome: Result<Arc<AccessClaims>, _> = self.validator.clone().with_cache(0).check(token);
        for validation in ["first", "second"] {
            assert_eq!(self.validator.check(token), outcome, "the {validation} validation with a cache");
        }
        outcome.map(Arc::unwrap_or_clone)
    }
}

/// The validator of an API named [`AUDIENCE`], with a cache.
pub fn validator(keys: impl Into<Keys>, clock: &ManualClock) -> AccessTokenValidator {
    AccessTokenValidator::new(ISSUER, AUDIENCE, keys).with_clock(Arc::new(clock.clone())).with_cache(CACHE)
}

/// A token assembled without a key.
pub fn assembled(header: &Value, payload: &Value, signature: &[u8]) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (header, payload) = (header.to_string(), payload.to_string());
    format!("{}.{}.{}", part(header.as_bytes()), part(payload.as_bytes()), part(signature))
}
