//! Attacks that succeeded against other JWT libraries, with their CVEs. More are in the other attack tables.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared_claims::testing::SigningKey;
use shared_claims::{Algorithm, KeySet, TokenError};

use crate::attack::{assert_all_rejected, attack};
use crate::fixture::{Fixture, ISSUER, validator};

/// The prefix of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410 §4).
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Libraries used a key without `alg` as a secret: empty, zeros, or the key's own text, which a filter for PEM did not
/// recognise after a blank.
#[test]
fn a_key_without_alg_is_not_used_as_a_secret() {
    let fixture = Fixture::of(Algorithm::EdDsa);
    let mut jwk = fixture.key.jwk();
    jwk.as_object_mut().expect("an object").remove("alg");
    let x = URL_SAFE_NO_PAD.decode(jwk["x"].as_str().expect("a key")).expect("base64url");
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode([&ED25519_PREFIX[..], &x].concat())
    );
    let set = KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).expect("a key set");
    let strict = validator(set, &fixture.clock);
    let allowing_hmac = strict.clone().with_algorithms(Algorithm::ALL);
    let mut header = fixture.key.access_header();
    header["alg"] = json!("HS256");

    for (name, reference, secret) in [
        ("nothing", "CVE-2026-44699", Vec::new()),
        ("zeros", "CVE-2026-44699", vec![0; 32]),
        ("the JWK", "CVE-2026-22817", jwk.to_string().into_bytes()),
        ("the key", "CVE-2026-22817", x),
        ("PEM", "CVE-2023-48223", pem.clone().into_bytes()),
        ("PEM after a blank", "CVE-2026-34950", format!(" {pem}").into_bytes()),
        ("PEM after an empty line", "CVE-2026-34950", format!("\r\n{pem}").into_bytes()),
        ("PEM without its end", "CVE-2026-34950", pem.trim_end().as_bytes().to_vec()),
    ] {
        let forged = SigningKey::from_secret(&secret).sign(&header, &fixture.claims());
        let row = |expected| attack(format!("HS256 with {name}"), reference, forged.clone(), expected);
        assert_all_rejected(&strict, &[row(TokenError::AlgorithmNotAllowed)]);
        assert_all_rejected(&allowing_hmac, &[row(TokenError::AlgorithmMismatch)]);
    }
}

#[test]
fn a_list_of_issuers_is_rejected() {
    let fixture = Fixture::new();
    for issuers in [json!([ISSUER]), json!([ISSUER, "https://evil.example"]), json!({"0": ISSUER})] {
        let token = fixture.token_with("iss", issuers.clone());
        let row = attack(format!("iss {issuers}"), "CVE-2025-30144", token, TokenError::MistypedClaim("iss"));
        assert_all_rejected(&fixture.validator, &[row]);
    }
}

/// Libraries skipped checks if the value was falsy or not a number.
#[test]
fn a_falsy_or_mistyped_time_is_rejected() {
    let fixture = Fixture::new();
    for (name, value, expected) in [
        ("exp", json!(0), TokenError::Expired),
        ("exp", json!(false), TokenError::MistypedClaim("exp")),
        ("exp", json!(""), TokenError::MistypedClaim("exp")),
        ("exp", json!([]), TokenError::MistypedClaim("exp")),
        ("nbf", json!(false), TokenError::MistypedClaim("nbf")),
        ("nbf", json!("99999999999"), TokenError::MistypedClaim("nbf")),
        ("nbf", json!({"valueOf": 0}), TokenError::MistypedClaim("nbf")),
        ("iat", json!("9e99"), TokenError::MistypedClaim("iat")),
    ] {
        let token = fixture.token_with(name, value.clone());
        assert_all_rejected(
            &fixture.validator,
            &[attack(format!("{name} {value}"), "CVE-2026-44459", token, expected)],
        );
    }
}

/// A text in two forms of JWS: a library verified one and read the other.
#[test]
fn a_token_in_two_forms_is_rejected() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let [header, payload, signature] =
        <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).expect("three parts");
    let mut claims = fixture.claims_json();
    claims["roles"] = json!(["admin"]);
    let forged = URL_SAFE_NO_PAD.encode(claims.to_string());
    let polyglot = format!(
        r#"{{"  {header}.{forged}.":"","protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#
    );
    let row = attack("JSON around a compact form", "CVE-2022-39227", polyglot, TokenError::NotBase64Url);
    assert_all_rejected(&fixture.validator, &[row]);
}

/// Headers that make libraries do expensive work before they reject the token: 2^31 hash iterations, a decompression bomb.
#[test]
fn a_header_that_requests_expensive_work_is_rejected_first() {
    let fixture = Fixture::new();
    let with_members = |more: Value| {
        let mut header = fixture.key.access_header();
        header.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        fixture.key.sign(&header, &fixture.claims())
    };
    let hashing = with_members(json!({"alg": "PBES2-HS512+A256KW", "p2c": i32::MAX, "p2s": "AAAA"}));
    let packed = with_members(json!({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}));
    let encrypted = format!("{}..AAAA.AAAA.AAAA", packed.split('.').next().expect("a header"));
    assert_all_rejected(
        &fixture.validator,
        &[
            attack("PBES2", "CVE-2023-50967", hashing, TokenError::UnknownAlgorithm),
            attack("zip in three parts", "CVE-2024-21319", packed, TokenError::UnknownAlgorithm),
            attack("zip in five parts", "CVE-2024-21319", encrypted, TokenError::NotCompact),
        ],
    );
}
