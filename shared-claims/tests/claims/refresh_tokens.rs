//! Validation of refresh tokens.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};
use shared_claims::testing::{self, ManualClock, SigningKey};
use shared_claims::{Algorithm, Clock, RefreshClaims, RefreshTokenValidator, TokenError};

use crate::fixture::{AUDIENCE, ISSUER};

struct AuthServer {
    clock: ManualClock,
    key: SigningKey,
    validator: RefreshTokenValidator,
}

impl AuthServer {
    fn new() -> Self {
        let clock = ManualClock::new();
        let key = SigningKey::generate(Algorithm::Hs256);
        let validator = RefreshTokenValidator::new(ISSUER, key.key_set(), Arc::new(clock.clone()));
        Self { clock, key, validator }
    }

    fn claims(&self) -> RefreshClaims {
        testing::refresh_claims(ISSUER, self.clock.now())
    }

    fn error_of(&self, claims: &Value) -> Option<TokenError> {
        self.validator.validate(&self.key.sign(&self.key.refresh_header(), claims)).err()
    }
}

#[test]
fn a_valid_refresh_token_is_accepted_until_it_expires() {
    let server = AuthServer::new();
    let token = server.key.refresh_token(&server.claims());
    assert_eq!(server.validator.validate(&token), Ok(server.claims()));
    let claims = server.claims();

    server.clock.advance(TimeDelta::days(30) + TimeDelta::seconds(4));
    assert!(server.validator.validate(&token).is_ok());
    server.clock.advance(TimeDelta::seconds(1));
    assert_eq!(server.validator.validate(&token), Err(TokenError::Expired));
    assert_eq!(server.validator.validate_expired(&token), Ok(claims));
}

#[test]
fn a_refresh_token_with_a_missing_mistyped_or_implausible_claim_is_rejected() {
    let server = AuthServer::new();
    let good = json!(server.claims());
    assert_eq!(server.error_of(&good), None);
    for name in ["iss", "aud", "sub", "sid", "gen", "sk", "jti", "type", "iat", "exp"] {
        let mut claims = good.clone();
        claims.as_object_mut().expect("an object").remove(name).expect("a claim");
        assert_eq!(server.error_of(&claims), Some(TokenError::MissingClaim(name)));
        let mut claims = good.clone();
        claims[name] = Value::Null;
        assert_eq!(server.error_of(&claims), Some(TokenError::MistypedClaim(name)));
    }
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        server.error_of(&claims)
    };
    let now = server.clock.now().timestamp();
    assert_eq!(with("gen", json!((1_u64 << 53) - 1)), None);
    assert_eq!(with("gen", json!(1_u64 << 53)), Some(TokenError::ImplausibleClaim("gen")));
    assert_eq!(with("gen", json!(-1)), Some(TokenError::ImplausibleClaim("gen")));
    assert_eq!(with("gen", json!(1.5)), Some(TokenError::MistypedClaim("gen")));
    assert_eq!(with("sk", json!("c2hvcnQ")), Some(TokenError::MistypedClaim("sk")));
    assert_eq!(with("sk", json!("not base64url!")), Some(TokenError::MistypedClaim("sk")));
    assert_eq!(with("type", json!("access")), Some(TokenError::WrongTokenType));
    assert_eq!(with("iss", json!("https://other.example")), Some(TokenError::WrongIssuer));
    assert_eq!(with("aud", json!(AUDIENCE)), Some(TokenError::WrongAudience));
    assert_eq!(with("iat", json!(now + 61)), Some(TokenError::FromTheFuture("iat")));
    assert_eq!(with("nbf", json!(now + 61)), Some(TokenError::NotYetValid));
}

#[test]
fn an_access_token_is_not_accepted_as_a_refresh_token() {
    let server = AuthServer::new();
    let access = testing::access_claims(ISSUER, ISSUER, server.clock.now());
    // Even if an operator configures one secret for both.
    let token = server.key.access_token(&access);
    assert_eq!(server.validator.validate(&token), Err(TokenError::WrongTyp), "RFC 8725 §3.11");
    let token = server.key.sign(&server.key.refresh_header(), &access);
    assert_eq!(server.validator.validate(&token), Err(TokenError::MissingClaim("gen")), "RFC 8725 §3.12");
    let token = SigningKey::generate(Algorithm::Es256).access_token(&access);
    assert_eq!(server.validator.validate(&token), Err(TokenError::WrongTyp), "RFC 8725 §3.11");
}

#[test]
fn a_refresh_token_with_another_key_or_algorithm_is_rejected() {
    let server = AuthServer::new();
    let claims = server.claims();
    let stranger = SigningKey::generate(Algorithm::Hs256);
    assert_eq!(server.validator.validate(&stranger.refresh_token(&claims)), Err(TokenError::UnknownKey));
    let forged = stranger.sign(&server.key.refresh_header(), &claims);
    assert_eq!(server.validator.validate(&forged), Err(TokenError::BadSignature));
    let mut header = SigningKey::generate(Algorithm::Es256).refresh_header();
    header["kid"] = json!(server.key.kid());
    let forged = SigningKey::generate(Algorithm::Es256).sign(&header, &claims);
    assert_eq!(server.validator.validate(&forged), Err(TokenError::AlgorithmNotAllowed), "RFC 8725 §3.1");
}

#[test]
fn a_truncated_refresh_token_is_rejected() {
    let server = AuthServer::new();
    let token = server.key.refresh_token(&server.claims());
    for end in 0..token.len() {
        assert!(
            server.validator.validate_expired(&token[..end]).is_err(),
            "the first {end} bytes were accepted"
        );
    }
}

#[test]
fn debug_output_does_not_contain_the_session_secret() {
    let server = AuthServer::new();
    let claims = server.claims();
    assert!(!format!("{claims:?}").contains(&claims.sk));
}
