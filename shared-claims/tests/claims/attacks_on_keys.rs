//! Attacks through signatures and key references.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared_claims::testing::{ManualClock, SigningKey, jwk_set};
use shared_claims::{Algorithm, Clock, KeySet, TokenError};

use crate::attack::{assert_all_rejected, attack};
use crate::fixture::{AUDIENCE, Fixture, ISSUER, assembled, validator};

/// The order of P-256, which is equivalent to zero for `r` and `s`.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

#[test]
fn a_public_key_is_not_accepted_as_an_hmac_secret() {
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
        let fixture = Fixture::of(algorithm);
        let allowing_hmac = fixture.validator.clone().with_algorithms(Algorithm::ALL);
        let jwk = fixture.key.jwk();
        let document = jwk_set(&[&fixture.key]).to_string();
        let raw: Vec<u8> = ["x", "y", "n"]
            .iter()
            .filter_map(|name| jwk[name].as_str())
            .flat_map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url"))
            .collect();
        let point = [&[4], raw.as_slice()].concat();

        for public in
            [jwk.to_string().as_bytes(), document.as_bytes(), &raw, &point, fixture.key.kid().as_bytes()]
        {
            let mut header = fixture.key.access_header();
            header["alg"] = json!("HS256");
            let forged = SigningKey::from_secret(public).sign(&header, &fixture.claims());
            let name = format!("HS256 with the public key of {algorithm}");
            let reference = "RFC 8725 §2.1, CVE-2016-5431";
            let row = || attack(name.clone(), reference, forged.clone(), TokenError::AlgorithmNotAllowed);
            assert_all_rejected(&fixture.validator, &[row()]);
            let row = || attack(name.clone(), reference, forged.clone(), TokenError::AlgorithmMismatch);
            assert_all_rejected(&allowing_hmac, &[row()]);
        }
    }
}

#[test]
fn a_key_verifies_only_its_own_algorithm() {
    let clock = ManualClock::new();
    let keys = [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa].map(SigningKey::generate);
    let set =
        KeySet::parse(jwk_set(&[&keys[0], &keys[1], &keys[2]]).to_string().as_bytes()).expect("a key set");
    let validator = validator(set, &clock);
    let claims = shared_claims::testing::access_claims(ISSUER, AUDIENCE, clock.now());
    for signing in &keys {
        for named in keys.iter().filter(|key| key.kid() != signing.kid()) {
            let mut header = signing.access_header();
            header["kid"] = json!(named.kid());
            let name = format!("{} under the kid of {}", signing.algorithm(), named.algorithm());
            let token = signing.sign(&header, &claims);
            let row = attack(name, "RFC 8725 §3.1, CVE-2022-29217", token, TokenError::AlgorithmMismatch);
            assert_all_rejected(&validator, &[row]);
        }
        assert!(validator.check::<Value>(&signing.access_token(&claims)).is_ok());
    }
    let only_rsa = validator.with_algorithms(&[Algorithm::Rs256]);
    let row =
        attack("ES256", "RFC 8725 §3.1", keys[0].access_token(&claims), TokenError::AlgorithmNotAllowed);
    assert_all_rejected(&only_rsa, &[row]);
}

#[test]
fn only_the_kid_selects_the_key() {
    let clock = ManualClock::new();
    let [ours, other, stranger] = [(); 3].map(|()| SigningKey::generate(Algorithm::Es256));
    let set = KeySet::parse(jwk_set(&[&ours, &other]).to_string().as_bytes()).expect("a key set");
    let validator = validator(set, &clock);
    let claims = shared_claims::testing::access_claims(ISSUER, AUDIENCE, clock.now());
    let under_kid = |key: &SigningKey, kid: Value| {
        let mut header = key.access_header();
        header["kid"] = kid;
        key.sign(&header, &claims)
    };
    let mut header = ours.access_header();
    header.as_object_mut().expect("an object").remove("kid");
    let nameless = ours.sign(&header, &claims);

    assert_all_rejected(
        &validator,
        &[
            attack(
                "a stranger's key",
                "RFC 8725 §3.3",
                stranger.access_token(&claims),
                TokenError::UnknownKey,
            ),
            attack(
                "a stranger's key under our kid",
                "RFC 8725 §3.3",
                under_kid(&stranger, json!(ours.kid())),
                TokenError::BadSignature,
            ),
            attack(
                "swapped kid",
                "RFC 7515 §4.1.4",
                under_kid(&ours, json!(other.kid())),
                TokenError::BadSignature,
            ),
            attack("no kid", "RFC 7515 §4.1.4", nameless, TokenError::MissingKeyId),
            attack("empty kid", "RFC 7515 §4.1.4", under_kid(&ours, json!("")), TokenError::UnknownKey),
            attack("kid null", "RFC 7515 §4.1.4", under_kid(&ours, Value::Null), TokenError::MalformedHeader),
            attack(
                "kid list",
                "RFC 7515 §4.1.4",
                under_kid(&ours, json!([ours.kid()])),
                TokenError::MalformedHeader,
            ),
            attack(
                "kid as a path",
                "RFC 8725 §3.10",
                under_kid(&ours, json!("../../dev/null")),
                TokenError::UnknownKey,
            ),
            attack(
                "kid as SQL",
                "RFC 8725 §3.10",
                under_kid(&ours, json!("' UNION SELECT 'secret' --")),
                TokenError::UnknownKey,
            ),
        ],
    );
}

#[test]
fn a_token_without_kid_is_rejected_even_with_a_single_key() {
    let fixture = Fixture::new();
    let mut header = fixture.key.access_header();
    header.as_object_mut().expect("an object").remove("kid");
    let token = fixture.key.sign(&header, &fixture.claims());
    assert_all_rejected(
        &fixture.validator,
        &[attack("no kid", "RFC 7515 §4.1.4", token, TokenError::MissingKeyId)],
    );
}

#[test]
fn a_key_inside_the_token_is_ignored() {
    let fixture = Fixture::new();
    let stranger = SigningKey::generate(Algorithm::Es256);
    let members = [
        ("jwk", stranger.jwk()),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIBszCCAVmgAwIBAgIUFAKE"])),
    ];
    for (member, value) in members {
        for (kid, expected) in
            [(fixture.key.kid(), TokenError::BadSignature), (stranger.kid(), TokenError::UnknownKey)]
        {
            let mut header = stranger.access_header();
            header["kid"] = json!(kid);
            header[member] = value.clone();
            let token = stranger.sign(&header, &fixture.claims());
            let row =
                attack(format!("{member} in the header"), "RFC 8725 §3.10, CVE-2018-0114", token, expected);
            assert_all_rejected(&fixture.validator, &[row]);
        }
        // The member is ignored, so a valid token stays valid.
        assert!(fixture.check(&fixture.token_headed(member, value)).is_ok());
    }
}

#[test]
fn a_degenerate_signature_is_rejected() {
    let fixture = Fixture::new();
    let (header, claims) = (fixture.key.access_header(), fixture.claims_json());
    let signed = |signature: &[u8]| assembled(&header, &claims, signature);
    let one = [[0; 31].as_slice(), &[1]].concat();
    let order = P256_ORDER.as_slice();
    let genuine = fixture.token().rsplit('.').next().map(str::to_owned).expect("a signature");
    let genuine = URL_SAFE_NO_PAD.decode(genuine).expect("base64url");
    let reference = "CVE-2022-21449";

    assert_all_rejected(
        &fixture.validator,
        &[
            attack("r and s zero", reference, signed(&[0; 64]), TokenError::BadSignature),
            attack(
                "r zero",
                reference,
                signed(&[[0; 32].as_slice(), &one].concat()),
                TokenError::BadSignature,
            ),
            attack(
                "s zero",
                reference,
                signed(&[&one, [0; 32].as_slice()].concat()),
                TokenError::BadSignature,
            ),
            attack(
                "r and s the order",
                reference,
                signed(&[order, order].concat()),
                TokenError::BadSignature,
            ),
            attack("none", "RFC 8725 §2.1, CVE-2020-28042", signed(b""), TokenError::BadSignature),
            attack("one byte", "RFC 7518 §3.4", signed(&[1]), TokenError::BadSignature),
            attack(
                "an extra byte",
                "RFC 7518 §3.4",
                signed(&[&genuine, [0].as_slice()].concat()),
                TokenError::BadSignature,
            ),
            attack(
                "zeros in DER",
                "RFC 7518 §3.4",
                signed(&[0x30, 6, 2, 1, 0, 2, 1, 0]),
                TokenError::BadSignature,
            ),
            attack("from another token", "RFC 8725 §3.3", signed(&genuine), TokenError::BadSignature),
        ],
    );
}

#[test]
fn a_truncated_token_is_rejected() {
    for algorithm in Algorithm::ALL {
        let fixture = Fixture::of(*algorithm);
        let token = fixture.token();
        for end in 0..token.len() {
            assert!(
                fixture.check(&token[..end]).is_err(),
                "{algorithm}: the first {end} bytes were accepted"
            );
        }
        assert!(fixture.check(&token).is_ok());
    }
}

#[test]
fn a_token_with_any_changed_character_is_rejected() {
    let fixture = Fixture::new();
    let token = fixture.token();
    for position in 0..token.len() {
        for replacement in ["A", "B", "_", "."] {
            let mut changed = token.clone();
            changed.replace_range(position..=position, replacement);
            assert!(
                changed == token || fixture.check(&changed).is_err(),
                "accepted after a change at {position}"
            );
        }
    }
}
