//! Attacks through the claims of correctly signed tokens.

use serde_json::{Value, json};
use shared_claims::testing::refresh_claims;
use shared_claims::{Clock, TokenError};

use crate::attack::{assert_all_rejected, attack};
use crate::fixture::{Fixture, ISSUER};

const NAMES: [&str; 10] = ["iss", "sub", "client_id", "jti", "type", "sid", "name", "csrf", "aud", "acr"];
const NUMBERS: [&str; 5] = ["iat", "exp", "nbf", "auth_time", "uv"];
const LISTS: [&str; 2] = ["amr", "roles"];
const OPTIONAL: [&str; 3] = ["nbf", "csrf", "acr"];

fn all_claims() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().chain(NUMBERS).chain(LISTS)
}

#[test]
fn a_token_without_a_required_claim_is_rejected() {
    let fixture = Fixture::new();
    for name in all_claims().filter(|name| !OPTIONAL.contains(name)) {
        let mut claims = fixture.claims_json();
        claims.as_object_mut().expect("an object").remove(name).expect("a claim to remove");
        let token = fixture.token_with_claims(&claims);
        let row = attack(format!("without {name}"), "RFC 9068 §2.2", token, TokenError::MissingClaim(name));
        assert_all_rejected(&fixture.validator, &[row]);
    }
}

#[test]
fn a_claim_of_the_wrong_type_is_rejected() {
    let fixture = Fixture::new();
    let now = fixture.clock.now().timestamp();
    let reject = |name: &'static str, value: Value| {
        let row = attack(
            format!("{name} as {value}"),
            "RFC 7519 §4.1, CVE-2026-25537",
            fixture.token_with(name, value),
            TokenError::MistypedClaim(name),
        );
        assert_all_rejected(&fixture.validator, &[row]);
    };
    for name in all_claims() {
        for value in [Value::Null, json!(true), json!({"": 1})] {
            reject(name, value);
        }
    }
    for name in NAMES {
        reject(name, json!(1));
        reject(name, json!([1]));
    }
    for name in NAMES.into_iter().filter(|name| !["name", "aud", "acr"].contains(name)) {
        reject(name, json!(""));
        reject(name, json!(["text"]));
    }
    for name in NUMBERS {
        for value in [json!(now.to_string()), json!([now]), json!(0.5), json!(1e30), json!(-1.5), json!("")] {
            reject(name, value);
        }
    }
    for name in LISTS {
        for value in [json!("admin"), json!(["admin", 1]), json!([["admin"]]), json!([null]), json!(0)] {
            reject(name, value);
        }
    }
}

#[test]
fn a_number_out_of_range_is_rejected() {
    let fixture = Fixture::new();
    for name in NUMBERS {
        for value in [json!(-1), json!(i64::MIN), json!(i64::MAX), json!(u64::MAX), json!(1_u64 << 53)] {
            let row = attack(
                format!("{name} {value}"),
                "RFC 8259 §6",
                fixture.token_with(name, value),
                TokenError::ImplausibleClaim(name),
            );
            assert_all_rejected(&fixture.validator, &[row]);
        }
    }
    let mut claims = fixture.claims_json();
    claims["exp"] = json!("@");
    for (spelling, expected) in [
        ("1e400", TokenError::MalformedPayload),
        ("1e15", TokenError::MistypedClaim("exp")),
        ("1893456060.0", TokenError::MistypedClaim("exp")),
        ("-0", TokenError::MistypedClaim("exp")),
        ("0x70DBD880", TokenError::MalformedPayload),
        ("01893456060", TokenError::MalformedPayload),
        ("+1893456060", TokenError::MalformedPayload),
        ("Infinity", TokenError::MalformedPayload),
        ("NaN", TokenError::MalformedPayload),
        ("99999999999999999999999999999999", TokenError::MistypedClaim("exp")),
    ] {
        let payload = claims.to_string().replace(r#""@""#, spelling);
        let token = fixture.token_of_text(&payload);
        assert_all_rejected(
            &fixture.validator,
            &[attack(format!("exp {spelling}"), "RFC 8259 §6", token, expected)],
        );
    }
}

#[test]
fn a_duplicate_claim_is_rejected() {
    let fixture = Fixture::new();
    let payload = fixture.claims_json().to_string();
    let open = payload.strip_suffix('}').expect("an object");
    for name in all_claims() {
        for value in [json!("evil"), fixture.claims_json()[name].clone()] {
            let token = fixture.token_of_text(&format!(r#"{open},"{name}":{value},"{name}":{value}}}"#));
            let row = attack(format!("{name} twice"), "RFC 7519 §4", token, TokenError::DuplicateMember);
            assert_all_rejected(&fixture.validator, &[row]);
        }
    }
    let token = fixture.token_of_text(&format!(r#"{open},"plan":{{"seats":1,"seats":9}}}}"#));
    let row = attack("twice within a custom claim", "RFC 7519 §4", token, TokenError::DuplicateMember);
    assert_all_rejected(&fixture.validator, &[row]);
}

#[test]
fn a_payload_that_is_not_an_object_is_rejected() {
    let fixture = Fixture::new();
    let nested = fixture.token();
    let payload = fixture.claims_json().to_string();
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let rows: Vec<_> =
        ["", "null", "[]", "1", "\"x\"", "{", "{}x", &payload[1..], &format!("{payload},"), &nested, &deep]
            .into_iter()
            .map(|text| {
                attack(text, "RFC 7519 §7.2", fixture.token_of_text(text), TokenError::MalformedPayload)
            })
            .collect();
    assert_all_rejected(&fixture.validator, &rows);
    let not_utf8 =
        fixture.key.sign_bytes(fixture.key.access_header().to_string().as_bytes(), b"{\"iss\":\"\xff\"}");
    let row = attack("not UTF-8", "RFC 8725 §3.7", not_utf8, TokenError::MalformedPayload);
    assert_all_rejected(&fixture.validator, &[row]);
}

#[test]
fn a_token_of_another_issuer_is_rejected() {
    let fixture = Fixture::new();
    for issuer in [
        "https://auth.example/",
        "https://AUTH.example",
        "http://auth.example",
        "https://auth.example.evil.example",
        "https://auth.exampl",
        "https://auth.example\0",
        "https://auth.example:443",
    ] {
        let token = fixture.token_with("iss", json!(issuer));
        let row = attack(format!("issuer {issuer:?}"), "RFC 8725 §3.8", token, TokenError::WrongIssuer);
        assert_all_rejected(&fixture.validator, &[row]);
    }
}

#[test]
fn a_token_for_another_audience_is_rejected() {
    let fixture = Fixture::new();
    for audience in [
        json!("other"),
        json!("API"),
        json!("api "),
        json!("ap"),
        json!("api2"),
        json!(""),
        json!(["other"]),
        json!([]),
        json!(["API", "api,other"]),
        json!(ISSUER),
    ] {
        let token = fixture.token_with("aud", audience.clone());
        let row = attack(format!("audience {audience}"), "RFC 8725 §3.9", token, TokenError::WrongAudience);
        assert_all_rejected(&fixture.validator, &[row]);
    }
}

#[test]
fn a_refresh_token_is_not_accepted_as_an_access_token() {
    let fixture = Fixture::new();
    let refresh = refresh_claims(ISSUER, fixture.clock.now());
    let mut mixed = fixture.claims_json();
    mixed["type"] = json!("refresh");
    assert_all_rejected(
        &fixture.validator,
        &[
            attack("unchanged", "RFC 8725 §3.11", fixture.key.refresh_token(&refresh), TokenError::WrongTyp),
            attack(
                "under an access token's header",
                "RFC 8725 §3.12",
                fixture.key.sign(&fixture.key.access_header(), &refresh),
                TokenError::MissingClaim("client_id"),
            ),
            attack(
                "by type alone",
                "RFC 8725 §3.12",
                fixture.token_with_claims(&mixed),
                TokenError::WrongTokenType,
            ),
            attack(
                "by type in capitals",
                "RFC 8725 §3.12",
                fixture.token_with("type", json!("Access")),
                TokenError::WrongTokenType,
            ),
        ],
    );
}
