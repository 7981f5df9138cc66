//! A cached token is still subject to every rule, and the cache to its limit.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};
use shared_claims::testing::{SigningKey, jwk_set};
use shared_claims::{
    AccessClaims, AccessTokenValidator, Algorithm, Clock, KeySet, Revocations, SharedKeys, TokenError,
};

use crate::fixture::{CACHE, Fixture, validator};

fn check(validator: &AccessTokenValidator, token: &str) -> Result<Arc<AccessClaims>, TokenError> {
    validator.check(token)
}

/// Whether the token was found: then the claims are those of an earlier validation.
fn is_found(validator: &AccessTokenValidator, token: &str) -> bool {
    let hits = validator.cache_status().expect("a cache").hits;
    check(validator, token).expect("a valid token");
    validator.cache_status().expect("a cache").hits > hits
}

fn key_set(jwk: &Value) -> KeySet {
    KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).expect("a key set")
}

#[test]
fn a_token_is_verified_and_parsed_once() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let first = check(&fixture.validator, &token).expect("a valid token");
    for _ in 0..3 {
        let again = check(&fixture.validator.clone(), &token).expect("a valid token");
        assert!(Arc::ptr_eq(&first, &again), "the claims were parsed again");
    }
    let status = fixture.validator.cache_status().expect("a cache");
    assert_eq!((status.tokens, status.hits, status.misses), (1, 3, 1));

    let plain = fixture.validator.clone().with_cache(0);
    assert_eq!(plain.cache_status(), None);
    let [one, other] = [(); 2].map(|()| check(&plain, &token).expect("a valid token"));
    assert!(!Arc::ptr_eq(&one, &other));
}

#[test]
fn a_cached_token_expires() {
    let fixture = Fixture::new();
    let token = fixture.token();
    assert!(!is_found(&fixture.validator, &token));
    fixture.clock.advance(TimeDelta::seconds(15 * 60 + 4));
    assert!(is_found(&fixture.validator, &token));
    fixture.clock.advance(TimeDelta::seconds(1));
    assert_eq!(check(&fixture.validator, &token), Err(TokenError::Expired));
}

#[test]
fn a_cached_token_is_rejected_if_the_clock_is_set_back() {
    for (recent, expected) in [
        ("iat", TokenError::FromTheFuture("iat")),
        ("auth_time", TokenError::FromTheFuture("auth_time")),
        ("nbf", TokenError::NotYetValid),
    ] {
        let fixture = Fixture::new();
        let now = fixture.clock.now().timestamp();
        let mut claims = fixture.claims_json();
        for name in ["iat", "auth_time", "nbf"] {
            claims[name] = json!(if name == recent { now } else { now - 3600 });
        }
        let token = fixture.token_with_claims(&claims);
        assert!(check(&fixture.validator, &token).is_ok());
        fixture.clock.advance(TimeDelta::minutes(-30));
        assert_eq!(check(&fixture.validator, &token), Err(expected));
    }
}

#[test]
fn a_cached_token_is_rejected_once_it_is_revoked() {
    let fixture = Fixture::new();
    let (token, claims) = (fixture.token(), fixture.claims());
    let until = fixture.clock.now() + TimeDelta::minutes(17);
    for (list, entry, expected) in [
        ("sessions", json!({"sid": claims.sid, "until": until}), TokenError::SessionEnded),
        ("users", json!({"sub": claims.sub, "uv": claims.uv + 1, "until": until}), TokenError::Stale),
        ("keys", json!({"kid": fixture.key.kid(), "until": until}), TokenError::RetiredKey),
    ] {
        let revocations = Revocations::new(Some(Duration::from_secs(30)));
        let validator = fixture.validator.clone().with_revocations(revocations.clone());
        let mut page = json!({"cursor": "x.1", "snapshot": true, "sessions": [], "users": [], "keys": []});
        let apply = |page: &Value| {
            revocations.apply(serde_json::from_value(page.clone()).expect("a page"), fixture.clock.now());
        };
        apply(&page);
        assert!(check(&validator, &token).is_ok() && is_found(&validator, &token));
        page[list] = json!([entry]);
        apply(&page);
        assert_eq!(check(&validator, &token), Err(expected));

        page[list] = json!([]);
        apply(&page);
        assert!(is_found(&validator, &token), "the list of the auth server decides");
        fixture.clock.advance(TimeDelta::seconds(31));
        assert_eq!(check(&validator, &token), Err(TokenError::RevocationsTooOld));
        fixture.clock.advance(TimeDelta::seconds(-31));
    }
}

#[test]
fn a_cached_token_is_rejected_once_its_key_is_removed_or_replaced() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let keys = SharedKeys::new(fixture.key.key_set());
    let validator = validator(keys.clone(), &fixture.clock);
    let stranger = SigningKey::generate(Algorithm::Es256);
    let mut replacement = stranger.jwk();
    replacement["kid"] = json!(fixture.key.kid());

    for (set, expected) in [
        (KeySet::default(), TokenError::NoKeys),
        (stranger.key_set(), TokenError::UnknownKey),
        (key_set(&replacement), TokenError::BadSignature),
    ] {
        assert!(check(&validator, &token).is_ok() && is_found(&validator, &token));
        keys.replace(set);
        assert_eq!(check(&validator, &token), Err(expected));
        // Fetched again, beside another key.
        let both = jwk_set(&[&stranger, &fixture.key]).to_string();
        keys.replace(KeySet::parse(both.as_bytes()).expect("a key set"));
        assert!(is_found(&validator, &token), "the same key in a new document is the same");
    }
}

#[test]
fn a_cached_token_of_any_algorithm_is_rejected_once_its_key_is_removed() {
    for algorithm in Algorithm::ALL {
        let fixture = Fixture::of(*algorithm);
        let (token, other) = (fixture.token(), SigningKey::generate(*algorithm));
        let keys = SharedKeys::new(fixture.key.key_set());
        let validator = validator(keys.clone(), &fixture.clock).with_algorithms(&[*algorithm]);
        assert!(!is_found(&validator, &token) && is_found(&validator, &token));
        keys.replace(other.key_set());
        assert_eq!(check(&validator, &token), Err(TokenError::UnknownKey), "{algorithm}");
    }
}

/// The cache finds whole tokens: the payload alone proves nothing.
#[test]
fn another_signature_under_a_cached_payload_is_rejected() {
    let fixture = Fixture::new();
    let token = fixture.token();
    assert!(check(&fixture.validator, &token).is_ok() && is_found(&fixture.validator, &token));
    let (signed, signature) = token.rsplit_once('.').expect("a token");
    for other in [
        format!("{signed}."),
        format!("{signed}.{}", signature.chars().rev().collect::<String>()),
        format!("{signed}.{signature}AA"),
    ] {
        assert!(check(&fixture.validator, &other).is_err(), "{other}");
    }
}

/// They share the cache, so its entries must not depend on the rules of the validator that added them.
#[test]
fn a_stricter_clone_of_the_validator_rejects_a_cached_token() {
    let fixture = Fixture::new();
    let token = fixture.token();
    assert!(check(&fixture.validator, &token).is_ok());
    let clone = || fixture.validator.clone();
    for (stricter, expected) in [
        (clone().with_any_audience(vec!["other".to_owned()]), TokenError::WrongAudience),
        (clone().with_algorithms(&[Algorithm::Rs256]), TokenError::AlgorithmNotAllowed),
        (clone().with_revocations(Revocations::new(None)), TokenError::NoRevocations),
    ] {
        assert_eq!(check(&stricter, &token), Err(expected));
    }
    let other = AccessTokenValidator::new("https://other.example", "api", fixture.key.key_set())
        .with_clock(Arc::new(fixture.clock.clone()))
        .with_cache(CACHE);
    for _ in 0..2 {
        assert_eq!(check(&other, &token), Err(TokenError::WrongIssuer));
    }
}

#[test]
fn the_custom_claims_of_a_cached_token_can_have_any_type() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Plan {
        plan: String,
    }
    let fixture = Fixture::new();
    let (team, number) = (fixture.token_with("plan", json!("team")), fixture.token_with("plan", json!(7)));
    let plan = |token: &str| fixture.validator.check::<Plan>(token).map(|claims| claims.custom.plan.clone());
    for _ in 0..2 {
        assert_eq!(plan(&team), Ok("team".to_owned()));
        assert_eq!(plan(&number), Err(TokenError::CustomClaims));
        assert_eq!(check(&fixture.validator, &number).expect("a valid token").custom["plan"], json!(7));
        assert_eq!(fixture.validator.check::<Option<Plan>>(&number).expect("a valid token").custom, None);
    }
    let typed = fixture.validator.check::<Value>(&team).expect("a valid token");
    assert_eq!(json!(*typed), json!(*check(&fixture.validator, &team).expect("a valid token")));
}

#[test]
fn a_rejected_token_is_not_cached() {
    let fixture = Fixture::new();
    let stranger = SigningKey::generate(Algorithm::Es256);
    let (signed, signature) =
        fixture.token().rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a token");
    for token in [
        "garbage".to_owned(),
        stranger.access_token(&fixture.claims()),
        format!("{signed}.{}", signature.chars().rev().collect::<String>()),
        fixture.token_with("aud", json!("other")),
        fixture.token_with("iss", json!("https://other.example")),
        fixture.token_with("exp", json!(0)),
        fixture.token_with("sub", json!(1)),
        fixture.token_headed("typ", json!("JWT")),
    ] {
        assert!(check(&fixture.validator, &token).is_err());
    }
    let status = fixture.validator.cache_status().expect("a cache");
    assert_eq!((status.tokens, status.bytes, status.hits), (0, 0, 0));
}

/// A token of a user with this number.
fn numbered(fixture: &Fixture, number: usize) -> String {
    fixture.token_with("jti", json!(format!("token-{number}")))
}

#[test]
fn the_cache_takes_no_more_than_its_bytes() {
    let fixture = Fixture::of(Algorithm::Hs256);
    for number in 0..5_000 {
        let mut claims = fixture.claims_json();
        claims["jti"] = json!(number.to_string());
        claims["list"] = json!(vec![0; number % 200]);
        let token = fixture.token_with_claims(&claims);
        check(&fixture.validator, &token).expect("a valid token");
        assert!(fixture.validator.cache_status().expect("a cache").bytes <= CACHE as u64);
    }
    let status = fixture.validator.cache_status().expect("a cache");
    assert!(status.bytes > CACHE as u64 / 2 && status.tokens < 1_000, "{status:?}");
}

/// An attacker with many valid tokens, each sent twice.
#[test]
fn tokens_in_use_stay_while_many_others_pass() {
    let fixture = Fixture::of(Algorithm::Hs256);
    let in_use: Vec<_> = (0..20).map(|number| numbered(&fixture, number)).collect();
    for token in &in_use {
        check(&fixture.validator, token).expect("a valid token");
    }
    let mut lost = 0;
    for number in 100..5_100 {
        let passing = numbered(&fixture, number);
        for _ in 0..2 {
            check(&fixture.validator, &passing).expect("a valid token");
        }
        if number % 50 == 0 {
            lost += in_use.iter().filter(|token| !is_found(&fixture.validator, token)).count();
        }
    }
    assert!(lost < 20, "{lost} of 2000 validations did not find their token");
}
