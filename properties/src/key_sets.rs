//! No document takes a good key away that stands before the bad ones, and none makes a forger's token pass.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde_json::{Value, json};
use shared_claims::testing::SigningKey;
use shared_claims::{Algorithm, KeySet, verify_signature};

use crate::token_parts;

const DOCUMENT: u8 = 0;
const BESIDE_A_GOOD_KEY: u8 = 1;
const MODES: u8 = 2;

/// More in one document than any issuer has need of.
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

/// Any document, and any text behind a good key in one.
pub fn hold(data: &[u8]) {
    let Some((mode, rest)) = token_parts::mode(data, MODES) else { return };
    match mode {
        BESIDE_A_GOOD_KEY => {
            let good = ISSUED.key.jwk().to_string();
            let document = [br#"{"keys":["#, good.as_bytes(), b",", rest, b"]}"].concat();
            let beside: Result<Vec<Value>, _> = serde_json::from_slice(&[b"[", rest, b"]"].concat());
            let set = KeySet::parse(&document);
            if beside.is_ok_and(|keys| (1..MOST_KEYS).contains(&keys.len())) {
                let set = set.expect("one key of a set, however strange, is no reason to lose the others");
                verify_signature(&ISSUED.token, &set, Algorithm::ASYMMETRIC).expect("the good key is there");
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

/// No two keys of one name, no more than one needs, and none that verifies nothing.
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

/// A token with a signature that is none: nothing but zeros, as in CVE-2022-21449.
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
    seeds.extend(keys.iter().map(|key| (BESIDE_A_GOOD_KEY, key.to_string().into_bytes())));
    let hostile = json!({"kty": "OKP", "crv": "Ed25519", "x": "", "kid": ISSUED.key.kid(), "use": "sig", "key_ops": ["verify"]});
    seeds.push((BESIDE_A_GOOD_KEY, hostile.to_string().into_bytes()));
    token_parts::seeds(&seeds.iter().map(|(mode, text)| (*mode, text.as_slice())).collect::<Vec<_>>())
}
