//! A key set keeps a valid key whatever follows it in the document, and never accepts a forged token.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde_json::{Value, json};
use shared_claims::testing::SigningKey;
use shared_claims::{Algorithm, KeySet, verify_signature};

use crate::token_parts;

const DOCUMENT: u8 = 0;
const AFTER_A_VALID_KEY: u8 = 1;
const MODES: u8 = 2;

/// The limit for keys in one document.
const MOST_KEYS: usize = 64;

static ISSUED: LazyLock<Issued> = LazyLock::new(|| {
    let key = SigningKey::generate(Algorithm::EdDsa);
    let token = key.sign(&key.access_header(), &json!({"some": "claims"}));
    Issued { key, token }
});

struct Issued {
    key: SigningKey,
    token: String,
}

/// The input is a document, or the text after a valid key in a document.
pub fn check(data: &[u8]) {
    let Some((mode, rest)) = token_parts::mode(data, MODES) else { return };
    match mode {
        AFTER_A_VALID_KEY => {
            let valid = ISSUED.key.jwk().to_string();
            let document = [br#"{"keys":["#, valid.as_bytes(), b",", rest, b"]}"].concat();
            let others: Result<Vec<Value>, _> = serde_json::from_slice(&[b"[", rest, b"]"].concat());
            let set = KeySet::parse(&document);
            if others.is_ok_and(|keys| (1..MOST_KEYS).contains(&keys.len())) {
                let set = set.expect("an invalid key must not invalidate the set");
                verify_signature(&ISSUED.token, &set, Algorithm::ASYMMETRIC)
                    .expect("the valid key is in the set");
                assert_sound(&set);
            }
        }
        _ => {
            if let Ok(set) = KeySet::parse(rest) {
                let passes = verify_signature(&ISSUED.token, &set, Algorithm::ALL).is_ok();
                let x = ISSUED.key.jwk()["x"].as_str().expect("a key").to_owned();
                assert!(!passes || rest.windows(x.len()).any(|window| window == x.as_bytes()));
                assert_sound(&set);
            }
        }
    }
}

/// Asserts that key ids are unique, that the limit holds, and that no key accepts an empty or zero signature.
fn assert_sound(set: &KeySet) {
    let names: Vec<&str> = set.kids().collect();
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    assert!(set.len() <= MOST_KEYS && names.len() <= set.len());
    for name in names {
        for algorithm in Algorithm::ALL {
            let header = json!({"alg": algorithm.as_str(), "kid": name});
            for signature in [&[0; 64][..], &[0; 256], b""] {
                let token = forged(&header, signature);
                assert!(verify_signature(&token, set, Algorithm::ALL).is_err(), "{token}");
            }
        }
    }
}

/// A token with an invalid signature, for example all zeros as in CVE-2022-21449.
fn forged(header: &Value, signature: &[u8]) -> String {
    use base64::Engine as _;
    let base64url = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    format!("{}.{}.{}", base64url(header.to_string().as_bytes()), base64url(b"{}"), base64url(signature))
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let keys: Vec<Value> =
        Algorithm::ASYMMETRIC.iter().map(|algorithm| SigningKey::generate(*algorithm).jwk()).collect();
    let document = json!({"keys": keys}).to_string();
    let mut seeds = vec![(DOCUMENT, document.into_bytes())];
    seeds.extend(keys.iter().map(|key| (AFTER_A_VALID_KEY, key.to_string().into_bytes())));
    let hostile = json!({"kty": "OKP", "crv": "Ed25519", "x": "", "kid": ISSUED.key.kid(), "use": "sig", "key_ops": ["verify"]});
    seeds.push((AFTER_A_VALID_KEY, hostile.to_string().into_bytes()));
    token_parts::seeds(&seeds.iter().map(|(mode, text)| (*mode, text.as_slice())).collect::<Vec<_>>())
}
