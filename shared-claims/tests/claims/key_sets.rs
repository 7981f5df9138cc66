//! Which keys of a JWK Set are usable.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared_claims::testing::{SigningKey, jwk_set};
use shared_claims::{Algorithm, KeySet, KeySetError};

fn parse(document: &Value) -> Result<KeySet, KeySetError> {
    KeySet::parse(document.to_string().as_bytes())
}

fn usable_keys(jwk: &Value) -> usize {
    parse(&json!({"keys": [jwk]})).expect("a key set").len()
}

fn changed(jwk: &Value, changes: &Value) -> Value {
    let mut jwk = jwk.clone();
    for (name, value) in changes.as_object().expect("an object") {
        jwk[name] = value.clone();
    }
    jwk
}

fn without(jwk: &Value, names: &[&str]) -> Value {
    let mut jwk = jwk.clone();
    for name in names {
        jwk.as_object_mut().expect("an object").remove(*name);
    }
    jwk
}

#[test]
fn keys_of_all_three_types_are_usable() {
    let keys = [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa].map(SigningKey::generate);
    let set = parse(&jwk_set(&[&keys[0], &keys[1], &keys[2]])).expect("a key set");
    assert_eq!(set.kids().collect::<Vec<_>>(), keys.each_ref().map(SigningKey::kid));
    assert!(!set.is_empty() && KeySet::default().is_empty());
}

#[test]
fn use_key_ops_and_alg_are_optional_but_must_fit() {
    for algorithm in Algorithm::ASYMMETRIC {
        let jwk = SigningKey::generate(*algorithm).jwk();
        assert_eq!(usable_keys(&without(&jwk, &["use", "alg", "kid"])), 1, "{algorithm} (RFC 7517 §4)");
        for good in
            [json!({"key_ops": ["verify"]}), json!({"key_ops": ["sign", "verify"]}), json!({"ext": true})]
        {
            assert_eq!(usable_keys(&changed(&jwk, &good)), 1, "{algorithm} with {good}");
        }
        for bad in [
            json!({"use": "enc"}),
            json!({"use": "SIG"}),
            json!({"use": null}),
            json!({"key_ops": ["sign"]}),
            json!({"key_ops": []}),
            json!({"key_ops": "verify"}),
            json!({"alg": "HS256"}),
            json!({"alg": "none"}),
            json!({"alg": "PS256"}),
            json!({"alg": "ES384"}),
            json!({"alg": null}),
            json!({"kid": ""}),
            json!({"kid": 1}),
            json!({"kty": "oct", "k": "AAAA"}),
            json!({"kty": "ec"}),
            json!({"kty": null}),
            json!({"d": "AAAA"}),
        ] {
            assert_eq!(usable_keys(&changed(&jwk, &bad)), 0, "{algorithm} with {bad}");
        }
    }
}

#[test]
fn a_shared_secret_in_a_document_is_ignored() {
    let oct =
        json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([7; 32]), "alg": "HS256", "kid": "x", "use": "sig"});
    assert_eq!(usable_keys(&oct), 0);
}

#[test]
fn a_point_that_is_not_on_its_curve_is_ignored() {
    let jwk = SigningKey::generate(Algorithm::Es256).jwk();
    let zeros = URL_SAFE_NO_PAD.encode([0; 32]);
    let short = URL_SAFE_NO_PAD.encode([1; 31]);
    let long = URL_SAFE_NO_PAD.encode([1; 33]);
    for bad in [
        json!({"x": zeros, "y": zeros}),
        json!({"y": jwk["x"]}),
        json!({"x": short}),
        json!({"y": long}),
        json!({"x": "not base64url!"}),
        json!({"x": null}),
        json!({"crv": "P-384"}),
        json!({"crv": "secp256k1"}),
        json!({"crv": null}),
    ] {
        assert_eq!(usable_keys(&changed(&jwk, &bad)), 0, "EC with {bad} (RFC 8725 §3.4)");
    }
    let jwk = SigningKey::generate(Algorithm::EdDsa).jwk();
    let raw = URL_SAFE_NO_PAD.decode(jwk["x"].as_str().expect("a point")).expect("base64url");
    // SubjectPublicKeyInfo (RFC 8410 §4), which cryptographic libraries accept in place of the raw key.
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = URL_SAFE_NO_PAD.encode([prefix.as_slice(), &raw].concat());
    for bad in [
        json!({"x": short}),
        json!({"x": long}),
        json!({"x": der}),
        json!({"crv": "Ed448"}),
        json!({"crv": "X25519"}),
    ] {
        assert_eq!(usable_keys(&changed(&jwk, &bad)), 0, "OKP with {bad}");
    }
}

#[test]
fn rsa_keys_with_an_unsuitable_size_or_exponent_are_ignored() {
    let jwk = SigningKey::generate(Algorithm::Rs256).jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().expect("a modulus")).expect("base64url");
    let with_modulus = |bytes: &[u8]| changed(&jwk, &json!({"n": URL_SAFE_NO_PAD.encode(bytes)}));
    let leading_zeros = [&[0, 0], modulus.as_slice()].concat();
    let mut of_2047_bits = modulus.clone();
    of_2047_bits[0] &= 0x7f;

    assert_eq!(usable_keys(&with_modulus(&leading_zeros)), 1);
    assert_eq!(usable_keys(&with_modulus(&of_2047_bits)), 0, "RFC 8725 §3.5");
    assert_eq!(usable_keys(&with_modulus(&modulus[..128])), 0, "1024 bits");
    assert_eq!(
        usable_keys(&with_modulus(&[[0; 256].as_slice(), &modulus[..128]].concat())),
        0,
        "1024 bits with leading zeros"
    );
    assert_eq!(usable_keys(&with_modulus(&modulus.repeat(5))), 0, "10240 bits");
    assert_eq!(usable_keys(&with_modulus(&[])), 0);
    assert_eq!(usable_keys(&with_modulus(&[0; 256])), 0);
    for exponent in [&[][..], &[0], &[1], &[0, 0, 1], &[2], &[1, 0, 0], &[0xff; 256]] {
        let bad = changed(&jwk, &json!({"e": URL_SAFE_NO_PAD.encode(exponent)}));
        assert_eq!(usable_keys(&bad), 0, "e = {exponent:?}");
    }
}

/// The product of two primes k * M + (65537^a mod M), where M is the product of the first 126 primes.
const ROCA_MODULUS: &str = "0HSJahq47TWRANISXkgYJGNbhmHKTBGNKbkAVjiLFY6vkX0-KkY-vLTNe-WizdET8lHyd6FHMOV4XCvJIEVzVfbu9Id21mPM49_rK48g6nMk08krMJouLA4I6SDwtt6YKvHk3hdMyzi1aau6Fj8DrRxJA9w-hTod0BUTR7P1Aoe1oRG2UyOUpmvCyPGi-qTP6scckQp9Q6ef2hxAbMYt0bVHiBNYAm8Se6HZ31UOLK7taZfwALx0BL0jjfHVCE9RNpgSxsI9WOYSm3tZ4UOq-FLGT0Ndu88shSeMkhY-ZlHax9uqqJdzn1w8QrR2Hl5PJxhtoCg0mL1Q8zgzUvsrKw";

#[test]
fn rsa_keys_that_can_be_factored_are_ignored() {
    let jwk = SigningKey::generate(Algorithm::Rs256).jwk();
    assert_eq!(usable_keys(&jwk), 1);
    assert_eq!(usable_keys(&changed(&jwk, &json!({"n": ROCA_MODULUS}))), 0, "CVE-2017-15361");

    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().expect("a modulus")).expect("base64url");
    let without_remainder = |divisor: u32| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % divisor);
        let mut multiple = modulus.clone();
        // Only the lower half of the numbers changes: the key keeps its length.
        let mut borrow = rest;
        for byte in multiple.iter_mut().rev() {
            let (less, has_borrowed) = byte.overflowing_sub((borrow & 0xff) as u8);
            borrow = (borrow >> 8) + u32::from(has_borrowed);
            *byte = less;
        }
        multiple
    };
    for divisor in [2, 6, 334] {
        let bad = changed(&jwk, &json!({"n": URL_SAFE_NO_PAD.encode(without_remainder(divisor))}));
        assert_eq!(usable_keys(&bad), 0, "a multiple of {divisor}");
    }
}

#[test]
fn an_unusable_key_does_not_affect_the_others() {
    let key = SigningKey::generate(Algorithm::Es256);
    let twice = r#"{"kty":"EC","kty":"OKP"}"#;
    let document = format!(
        r#"{{"keys":[null,1,"x",[],{{}},{{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}},{twice},{}],"more":1}}"#,
        key.jwk()
    );
    let set = KeySet::parse(document.as_bytes()).expect("a key set");
    assert_eq!(set.kids().collect::<Vec<_>>(), [key.kid()]);
}

#[test]
fn of_two_keys_with_the_same_kid_the_first_is_used() {
    let [one, other] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256));
    let duplicate = changed(&other.jwk(), &json!({"kid": one.kid()}));
    let set = parse(&json!({"keys": [one.jwk(), duplicate]})).expect("a key set");
    assert_eq!(set.kids().collect::<Vec<_>>(), [one.kid()]);
}

#[test]
fn a_document_that_is_not_a_key_set_is_rejected() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "{\"keys\":{}}",
        "{\"keys\":null}",
        "{\"keys\":[]",
        "{\"keys\":[]}x",
        "{\"keys\":[],\"keys\":[]}",
        "<html>",
        "\u{feff}{\"keys\":[]}",
    ] {
        assert_eq!(KeySet::parse(text.as_bytes()).err(), Some(KeySetError::NotAKeySet), "{text}");
    }
    assert_eq!(KeySet::parse(b"{\"keys\":[]}").expect("a key set").len(), 0);
}

#[test]
fn a_set_has_at_most_64_keys() {
    let keys: Vec<_> = (0..65).map(|_| SigningKey::generate(Algorithm::EdDsa)).collect();
    let keys: Vec<_> = keys.iter().collect();
    assert_eq!(parse(&jwk_set(&keys[..64])).expect("a key set").len(), 64);
    assert_eq!(parse(&jwk_set(&keys)).err(), Some(KeySetError::TooManyKeys));
}
