//! Changes every byte and every member of valid responses.

use serde_json::{Value, json};
use test_support::Authenticator;
use webauthn::Use;

use crate::fixture::{assert, authenticator, ceremony, decode, encode, register, registered};

/// Every single-bit change of the bytes, every truncation, and one byte more.
fn changes(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let flipped = (0..bytes.len() * 8).map(|bit| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    });
    let shorter = (0..bytes.len()).map(|length| bytes[..length].to_vec());
    flipped.chain(shorter).chain([[bytes, &[0]].concat()])
}

fn with(response: &Value, path: &str, value: Value) -> Value {
    let mut changed = response.clone();
    *changed.pointer_mut(path).expect("a member") = value;
    changed
}

fn without(response: &Value, path: &str) -> Value {
    let (parent, name) = path.rsplit_once('/').expect("a path");
    let mut changed = response.clone();
    let parent = changed.pointer_mut(parent).expect("a parent");
    parent.as_object_mut().expect("an object").remove(name);
    changed
}

/// Returns how many changes were tried.
fn refuses_every_change(valid: &Value, paths: &[&str], is_accepted: &dyn Fn(&Value) -> bool) -> usize {
    assert!(is_accepted(valid));
    let mut count = 0;
    for path in paths {
        let bytes = decode(valid.pointer(path).expect("a member"));
        for changed in changes(&bytes) {
            assert!(!is_accepted(&with(valid, path, json!(encode(&changed)))), "{path}: {changed:x?}");
            count += 1;
        }
        for value in
            [json!(null), json!(1), json!(""), json!([]), json!({}), json!(format!("{}=", encode(&bytes)))]
        {
            assert!(!is_accepted(&with(valid, path, value.clone())), "{path}: {value}");
        }
        assert!(!is_accepted(&without(valid, path)), "{path} is required");
    }
    for value in [json!("password"), json!(null), json!(1)] {
        assert!(!is_accepted(&with(valid, "/type", value)));
    }
    assert!(!is_accepted(&without(valid, "/type")));
    assert!(!is_accepted(&with(valid, "/response", json!({}))));
    count
}

#[test]
fn every_change_of_a_registration_with_self_attestation_is_refused() {
    let mut authenticator = authenticator();
    authenticator.self_attestation = true;
    let valid = authenticator.register(&ceremony());
    let paths = ["/id", "/rawId", "/response/clientDataJSON", "/response/attestationObject"];
    let is_accepted = |response: &Value| matches!(register(response), Ok(Ok(_)));
    let count = refuses_every_change(&valid, &paths, &is_accepted);
    assert!(count > 4000, "{count}");
}

#[test]
fn every_change_of_an_assertion_is_refused() {
    let mut authenticator = Authenticator::device_bound("example.org", "https://example.org");
    let registration = registered(&mut authenticator);
    authenticator.sign_count = 2;
    let valid = authenticator.assert(&ceremony());
    let is_accepted =
        |response: &Value| matches!(assert(response, &registration, Use::Passwordless), Ok(Ok(_)));
    let paths = [
        "/id",
        "/rawId",
        "/response/clientDataJSON",
        "/response/authenticatorData",
        "/response/signature",
        "/response/userHandle",
    ];
    let count = refuses_every_change(&valid, &paths, &is_accepted);
    assert!(count > 2500, "{count}");
}

#[test]
fn every_change_of_the_stored_key_is_refused() {
    let mut authenticator = authenticator();
    let valid = registered(&mut authenticator);
    let response = authenticator.assert(&ceremony());
    for changed in changes(&valid.public_key) {
        let mut registration = valid.clone();
        registration.public_key = changed;
        let outcome = assert(&response, &registration, Use::Passwordless).expect("well-formed");
        assert!(outcome.is_err(), "{:x?}", registration.public_key);
    }
}

/// Without attestation nothing is signed. Changes that leave a well-formed object can only make another credential, which
/// no authenticator can use, or change what the authenticator says about itself.
#[test]
fn no_change_of_a_registration_without_attestation_yields_the_same_credential() {
    let mut authenticator = authenticator();
    let valid = authenticator.register(&ceremony());
    let original = register(&valid).expect("well-formed").expect("valid");
    let object = decode(&valid["response"]["attestationObject"]);
    let mut accepted = Vec::new();
    for changed in changes(&object) {
        let response = with(&valid, "/response/attestationObject", json!(encode(&changed)));
        if let Ok(Ok(registration)) = register(&response) {
            assert_eq!(registration.credential_id, original.credential_id);
            assert_eq!(registration.public_key, original.public_key, "another key on the same curve");
            let position = changed.iter().zip(&object).position(|(a, b)| a != b).expect("a change");
            accepted.push(position);
        }
    }
    // The flags, the counter and the model of the authenticator.
    let start = object.windows(8).position(|bytes| bytes == b"authData").expect("the data") + 10;
    let claims = start + 32..start + 32 + 1 + 4 + 16;
    assert!(accepted.iter().all(|position| claims.contains(position)), "{accepted:?} {claims:?}");
}
