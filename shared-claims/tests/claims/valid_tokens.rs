//! Valid tokens. Without these tests, a validator that rejects everything would pass every attack table.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use shared_claims::testing::SigningKey;
use shared_claims::{
    AccessClaims, AccessTokenValidator, Acr, Algorithm, Audience, KeySet, SharedKeys, TokenError, UnknownAcr,
};

use crate::fixture::{AUDIENCE, Fixture, ISSUER, validator};

#[test]
fn a_token_of_every_algorithm_is_accepted() {
    for algorithm in Algorithm::ALL {
        let fixture = Fixture::of(*algorithm);
        assert_eq!(fixture.check(&fixture.token()), Ok(fixture.claims()), "{algorithm}");
    }
}

#[test]
fn typ_is_case_insensitive_and_can_have_its_media_type_prefix() {
    let fixture = Fixture::new();
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(fixture.check(&fixture.token_headed("typ", json!(typ))).is_ok(), "{typ} (RFC 7515 §4.1.9)");
    }
}

#[test]
fn the_audience_can_be_one_of_several() {
    let fixture = Fixture::new();
    let claims =
        fixture.check(&fixture.token_with("aud", json!(["other", AUDIENCE]))).expect("a valid token");
    assert_eq!(claims.aud, Audience::Many(vec!["other".to_owned(), AUDIENCE.to_owned()]));
}

#[test]
fn with_any_audience_accepts_each_of_them() {
    let fixture = Fixture::new();
    let issuer = fixture.validator.clone().with_any_audience(vec!["mail".to_owned(), "api".to_owned()]);
    let check =
        |audience| issuer.check::<serde_json::Value>(&fixture.token_with("aud", json!(audience))).map(|_| ());
    assert_eq!(check("mail"), Ok(()));
    assert_eq!(check("api"), Ok(()));
    assert_eq!(check("web"), Err(TokenError::WrongAudience));
}

#[test]
fn a_token_of_8_kib_is_accepted() {
    let fixture = Fixture::new();
    let token = (5000..6144)
        .map(|length| fixture.token_with("name", json!("x".repeat(length))))
        .find(|token| token.len() >= 8190)
        .expect("a token of that length");
    assert!(token.len() <= 8192 && fixture.check(&token).is_ok());
}

#[test]
fn the_name_and_the_list_of_roles_can_be_empty() {
    let fixture = Fixture::new();
    assert!(fixture.check(&fixture.token_with("name", json!(""))).is_ok());
    assert!(fixture.check(&fixture.token_with("roles", json!([]))).is_ok());
}

/// Tokens of earlier servers have no `acr`, and those of later ones may have another.
#[test]
fn a_token_without_acr_or_with_an_unknown_one_counts_as_one_factor() {
    let fixture = Fixture::new();
    let acr = |value| fixture.check(&fixture.token_with("acr", json!(value))).expect("a valid token").acr;
    for known in Acr::ALL {
        assert_eq!((acr(known.as_str()), known.as_str().parse()), (*known, Ok(*known)));
    }
    for unknown in ["", "0", "2fa", "MFA", "mfa ", "mfa phr", "phr2"] {
        assert_eq!((acr(unknown), unknown.parse::<Acr>()), (Acr::OneFactor, Err(UnknownAcr)), "{unknown}");
    }
    let mut claims = fixture.claims_json();
    claims.as_object_mut().expect("an object").remove("acr").expect("a claim to remove");
    let without = fixture.check(&fixture.token_with_claims(&claims)).expect("a valid token");
    assert_eq!(without.acr, Acr::OneFactor);
    assert!(!without.custom.contains_key("acr"));
}

#[test]
fn custom_claims_can_be_typed() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Plan {
        plan: String,
        seats: Option<u32>,
    }
    let fixture = Fixture::new();
    let token = fixture.token_with("plan", json!("team"));
    let claims: Arc<AccessClaims<Plan>> = fixture.validator.check(&token).expect("a valid token");
    assert_eq!(claims.custom, Plan { plan: "team".to_owned(), seats: None });

    let untyped = fixture.check(&token).expect("a valid token");
    assert_eq!(untyped.custom.get("plan"), Some(&json!("team")));

    let misfit = fixture.validator.check::<Plan>(&fixture.token_with("plan", json!(7)));
    assert_eq!(misfit, Err(TokenError::CustomClaims));
    let absent = fixture.validator.check::<Plan>(&fixture.token());
    assert_eq!(absent, Err(TokenError::CustomClaims));
}

#[test]
fn keys_can_be_replaced_while_a_validator_uses_them() {
    let fixture = Fixture::new();
    let keys = SharedKeys::default();
    let validator = validator(keys.clone(), &fixture.clock);
    let check = |token: &str| validator.check::<serde_json::Value>(token).map(|_| ());

    assert_eq!(check(&fixture.token()), Err(TokenError::NoKeys));
    keys.replace(fixture.key.key_set());
    assert_eq!(check(&fixture.token()), Ok(()));
    keys.replace(SigningKey::generate(Algorithm::Es256).key_set());
    assert_eq!(check(&fixture.token()), Err(TokenError::UnknownKey));
}

#[test]
fn several_secrets_can_be_accepted_together() {
    let fixture = Fixture::of(Algorithm::Hs256);
    let (old, new) = ([1; 32], [2; 32]);
    let keys = KeySet::from_secrets([old.as_slice(), new.as_slice()]);
    let validator = validator(keys, &fixture.clock).with_algorithms(&[Algorithm::Hs256]);
    for secret in [old, new] {
        let token = SigningKey::from_secret(&secret).access_token(&fixture.claims());
        assert!(validator.check::<serde_json::Value>(&token).is_ok());
    }
}

#[test]
fn the_default_validator_uses_the_system_clock_and_rejects_hs256() {
    let fixture = Fixture::of(Algorithm::Hs256);
    let validator = AccessTokenValidator::new(ISSUER, AUDIENCE, fixture.key.key_set());
    assert_eq!(
        validator.check::<serde_json::Value>(&fixture.token()),
        Err(TokenError::AlgorithmNotAllowed),
        "HS256 must be enabled"
    );
    let system: Arc<dyn shared_claims::Clock> = Arc::new(shared_claims::SystemClock);
    assert!((system.now() - validator.now()).abs() < chrono::TimeDelta::minutes(1));
}

#[actix_web::test]
async fn an_observer_receives_each_result_of_validate_once() {
    let (sender, results) = std::sync::mpsc::channel();
    let fixture = Fixture::new();
    let validator = fixture.validator.clone().with_observer(move |result: Result<(), &TokenError>| {
        sender.send(result.map_err(|error| *error)).expect("a receiver");
    });
    for token in [fixture.token(), fixture.token_with("aud", json!("other"))] {
        drop(validator.validate::<serde_json::Value>(&token).await);
    }
    assert_eq!(results.try_iter().collect::<Vec<_>>(), [Ok(()), Err(TokenError::WrongAudience)]);
}
