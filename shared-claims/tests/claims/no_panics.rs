//! Any input is rejected without a panic.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;
use shared_claims::testing::SigningKey;
use shared_claims::{Algorithm, KeySet, strict_json, thumbprint, verify_signature};

use crate::fixture::Fixture;

/// Created once, because proptest runs each body hundreds of times.
struct Shared(Fixture);

static SHARED: LazyLock<Shared> = LazyLock::new(|| Shared(Fixture::new()));

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn claim_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(shared_claims::claims::RESERVED)
}

fn jwk_member() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["kty", "crv", "x", "y", "n", "e", "use", "key_ops", "alg", "kid", "d", "k"])
}

proptest! {
    #[test]
    fn any_text_is_rejected(text in "\\PC{0,300}") {
        prop_assert!(SHARED.0.check(&text).is_err());
    }

    #[test]
    fn any_three_parts_are_rejected(text in "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,100}") {
        prop_assert!(SHARED.0.check(&text).is_err());
        prop_assert!(verify_signature(&text, &KeySet::default(), Algorithm::ALL).is_err());
    }

    #[test]
    fn any_header_causes_no_panic(header in json_value()) {
        let token = SHARED.0.key.sign(&header, &SHARED.0.claims());
        prop_assert!(SHARED.0.check(&token).is_err());
    }

    #[test]
    fn any_payload_causes_no_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let header = SHARED.0.key.access_header().to_string();
        let token = SHARED.0.key.sign_bytes(header.as_bytes(), &payload);
        prop_assert!(SHARED.0.check(&token).is_err());
    }

    #[test]
    fn any_value_of_any_claim_causes_no_panic(name in claim_name(), value in json_value()) {
        let _ = SHARED.0.check(&SHARED.0.token_with(name, value));
    }

    #[test]
    fn any_signature_but_the_right_one_is_rejected(signature in prop::collection::vec(any::<u8>(), 0..130)) {
        let header = SHARED.0.key.access_header();
        let token = crate::fixture::assembled(&header, &SHARED.0.claims_json(), &signature);
        prop_assert!(SHARED.0.check(&token).is_err());
    }

    #[test]
    fn any_document_causes_no_panic_in_the_key_set_parser(document in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = KeySet::parse(&document);
    }

    #[test]
    fn any_key_causes_no_panic_in_the_key_set_parser(
        algorithm in prop::sample::select(vec![Algorithm::Es256, Algorithm::EdDsa]),
        changes in prop::collection::vec((jwk_member(), json_value()), 1..4),
    ) {
        let mut jwk = SigningKey::generate(algorithm).jwk();
        for (name, value) in changes {
            jwk[name] = value;
        }
        let _ = thumbprint(&jwk);
        let set = KeySet::parse(serde_json::json!({"keys": [jwk]}).to_string().as_bytes());
        prop_assert!(set.is_ok_and(|set| set.len() <= 1));
    }

    #[test]
    fn any_rsa_numbers_cause_no_panic_in_the_key_set_parser(
        n in prop::collection::vec(any::<u8>(), 0..1100),
        e in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        use base64::Engine as _;
        let base64url = |bytes| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let jwk = serde_json::json!({"kty": "RSA", "n": base64url(n), "e": base64url(e)});
        let set = KeySet::parse(serde_json::json!({"keys": [jwk]}).to_string().as_bytes()).expect("a key set");
        let token = crate::fixture::assembled(&serde_json::json!({"alg": "RS256"}), &Value::Null, &[1; 256]);
        prop_assert!(verify_signature(&token, &set, Algorithm::ALL).is_err());
    }

    #[test]
    fn strict_json_agrees_with_serde_without_duplicate_members(value in json_value()) {
        let text = value.to_string();
        let usual: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(strict_json::from_slice::<Value>(text.as_bytes()), Ok(usual));
    }
}
