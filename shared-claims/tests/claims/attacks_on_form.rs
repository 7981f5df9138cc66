//! Attacks through the form of a token: its parts, encoding and header.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use shared_claims::TokenError;

use crate::attack::{assert_all_rejected, attack};
use crate::fixture::{Fixture, assembled};

#[test]
fn a_token_without_exactly_three_parts_is_rejected() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let [header, payload, signature] = parts(&token);
    let flattened = json!({"protected": header, "payload": payload, "signature": signature}).to_string();
    let signatures = json!([{"protected": header, "signature": signature}]);
    let general = json!({"payload": payload, "signatures": signatures}).to_string();
    let two = format!("{header}.{payload}");
    let four = format!("{token}.{signature}");

    assert_all_rejected(
        &fixture.validator,
        &[
            attack("nothing", "RFC 7515 §7.1", "", TokenError::NotCompact),
            attack("one part", "RFC 7515 §7.1", header, TokenError::NotCompact),
            attack("two parts", "RFC 7515 §7.1", two, TokenError::NotCompact),
            attack("four parts", "RFC 7515 §7.1", four, TokenError::NotCompact),
            attack("five parts, as a JWE", "RFC 8725 §2.3", "a.b.c.d.e", TokenError::NotCompact),
            attack("two dots", "RFC 7515 §7.1", "..", TokenError::MalformedHeader),
            attack("flattened JSON", "RFC 7515 §7.2.2", flattened, TokenError::NotBase64Url),
            attack("general JSON", "RFC 7515 §7.2.1", general, TokenError::NotBase64Url),
        ],
    );
}

#[test]
fn a_token_with_characters_outside_base64url_is_rejected() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let [header, payload, signature] = parts(&token);
    let padded_header = URL_SAFE.encode(br#"{"alg":"ES256"}   "#) + "=";
    let other_alphabet = STANDARD.encode([0xfb, 0xff, 0xfe]);
    // 64 bytes leave four bits of the last character unused. This sets one of them.
    let mut bits_left_over = token.clone();
    let last = bits_left_over.pop().expect("a signature");
    bits_left_over.push(char::from(last as u8 + 1));

    for (name, reference, token) in [
        ("a scheme before it", "RFC 6750 §2.1", format!("Bearer {token}")),
        ("quoted", "RFC 7515 §7.1", format!("\"{token}\"")),
        ("a space before", "RFC 7515 §2", format!(" {token}")),
        ("a space after", "RFC 7515 §2", format!("{token} ")),
        ("a line break after", "RFC 7515 §2", format!("{token}\n")),
        ("a line break within", "RFC 7515 §2", format!("{header}.\r\n{payload}.{signature}")),
        ("a NUL after", "RFC 7515 §2", format!("{token}\0")),
        ("padding", "RFC 7515 §2", format!("{token}==")),
        ("padding within", "RFC 7515 §2", format!("{padded_header}.{payload}.{signature}")),
        ("the other base64 alphabet", "RFC 4648 §5", format!("{header}.{payload}.{other_alphabet}")),
        ("letters beyond ASCII", "RFC 7515 §2", format!("{token}é")),
        ("dots escaped", "RFC 7515 §7.1", token.replace('.', "%2e")),
        ("an impossible length", "RFC 4648 §3.5", format!("{header}.{payload}.AAAAA")),
        ("bits left over", "RFC 4648 §3.5", bits_left_over),
    ] {
        assert_all_rejected(&fixture.validator, &[attack(name, reference, token, TokenError::NotBase64Url)]);
    }
}

#[test]
fn a_token_above_8_kib_is_rejected_before_parsing() {
    let fixture = Fixture::new();
    let correctly_signed = fixture.token_with("name", json!("x".repeat(6 * 1024)));
    assert!((8 * 1024..10 * 1024).contains(&correctly_signed.len()));
    let (dots, megabyte) = (".".repeat(9 * 1024), "A".repeat(1024 * 1024));
    for (name, token) in
        [("9 KiB, correctly signed", correctly_signed), ("9 KiB of dots", dots), ("1 MiB", megabyte)]
    {
        let row = attack(name, "CVE-2025-30204", token, TokenError::TooLong);
        assert_all_rejected(&fixture.validator, &[row]);
    }
}

#[test]
fn alg_none_is_rejected_in_every_spelling() {
    let fixture = Fixture::new();
    let signature = fixture.token().rsplit('.').next().map(str::to_owned).expect("a signature");
    for spelling in ["none", "None", "NONE", "nOnE", "none ", " none", "", "null", "n\u{043e}ne", "none\0"] {
        let mut header = fixture.key.access_header();
        header["alg"] = json!(spelling);
        let unsigned = assembled(&header, &fixture.claims_json(), b"");
        let with_any_signature = format!("{unsigned}{signature}");
        assert_all_rejected(
            &fixture.validator,
            &[
                attack(
                    format!("alg {spelling:?}"),
                    "RFC 8725 §2.1, CVE-2015-9235",
                    unsigned,
                    TokenError::UnknownAlgorithm,
                ),
                attack(
                    format!("alg {spelling:?}, signed"),
                    "RFC 8725 §2.1, CVE-2020-28042",
                    with_any_signature,
                    TokenError::UnknownAlgorithm,
                ),
            ],
        );
    }
}

#[test]
fn alg_must_be_a_supported_name_in_its_exact_spelling() {
    let fixture = Fixture::new();
    let named = |value| fixture.token_headed("alg", value);
    let mut header = fixture.key.access_header();
    header.as_object_mut().expect("an object").remove("alg");
    let nameless = fixture.key.sign(&header, &fixture.claims());

    assert_all_rejected(
        &fixture.validator,
        &[
            attack("absent", "RFC 7515 §4.1.1", nameless, TokenError::MalformedHeader),
            attack("null", "RFC 7515 §4.1.1", named(Value::Null), TokenError::MalformedHeader),
            attack("a number", "RFC 7515 §4.1.1", named(json!(256)), TokenError::MalformedHeader),
            attack("a list", "RFC 7515 §4.1.1", named(json!(["ES256"])), TokenError::MalformedHeader),
            attack(
                "in small letters",
                "RFC 7515 §4.1.1",
                named(json!("es256")),
                TokenError::UnknownAlgorithm,
            ),
            attack("unsupported", "RFC 8725 §3.2", named(json!("ES384")), TokenError::UnknownAlgorithm),
            attack("an encryption", "RFC 8725 §2.1", named(json!("dir")), TokenError::UnknownAlgorithm),
        ],
    );
}

#[test]
fn a_header_with_crit_is_rejected() {
    let fixture = Fixture::new();
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(["alg", "typ"]), json!("exp"), Value::Null]
    {
        let row = attack(
            format!("crit {crit}"),
            "RFC 7515 §4.1.11, CVE-2025-59420",
            fixture.token_headed("crit", crit),
            TokenError::CriticalHeader,
        );
        assert_all_rejected(&fixture.validator, &[row]);
    }
}

#[test]
fn another_kind_of_token_is_rejected() {
    let fixture = Fixture::new();
    for typ in [
        "JWT",
        "jwt",
        "rt+jwt",
        "",
        "at+jwt ",
        "at",
        "application/",
        "application/application/at+jwt",
        "at+jwté",
    ] {
        let token = fixture.token_headed("typ", json!(typ));
        let row = attack(format!("typ {typ:?}"), "RFC 8725 §3.11, RFC 9068 §4", token, TokenError::WrongTyp);
        assert_all_rejected(&fixture.validator, &[row]);
    }
    let mut header = fixture.key.access_header();
    header.as_object_mut().expect("an object").remove("typ");
    let untyped = fixture.key.sign(&header, &fixture.claims());
    let numbered = fixture.token_headed("typ", json!(1));
    assert_all_rejected(
        &fixture.validator,
        &[
            attack("no typ", "RFC 8725 §3.11, RFC 9068 §4", untyped, TokenError::WrongTyp),
            attack("typ 1", "RFC 7515 §4.1.9", numbered, TokenError::MalformedHeader),
        ],
    );
}

#[test]
fn a_malformed_or_ambiguous_header_is_rejected() {
    let fixture = Fixture::new();
    let payload = fixture.claims_json().to_string();
    let kid = fixture.key.kid();
    let headed = |header: &[u8]| fixture.key.sign_bytes(header, payload.as_bytes());
    let twice = |members: &str| {
        headed(format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}",{members}}}"#).as_bytes())
    };
    let deep = format!(r#"{{"alg":"ES256","x":{}{}}}"#, "[".repeat(2000), "]".repeat(2000));

    assert_all_rejected(
        &fixture.validator,
        &[
            attack("alg twice", "RFC 7515 §4", twice(r#""alg":"none""#), TokenError::DuplicateMember),
            attack("kid twice", "RFC 7515 §4", twice(r#""kid":"other""#), TokenError::DuplicateMember),
            attack(
                "twice by escape",
                "RFC 7515 §4",
                twice(r#""\u0061lg":"none""#),
                TokenError::DuplicateMember,
            ),
            attack("twice, deep", "RFC 7515 §4", twice(r#""x":{"y":1,"y":2}"#), TokenError::DuplicateMember),
            attack("empty", "RFC 7515 §5.2", headed(b""), TokenError::MalformedHeader),
            attack("not JSON", "RFC 7515 §5.2", headed(b"ES256"), TokenError::MalformedHeader),
            attack("null", "RFC 7515 §5.2", headed(b"null"), TokenError::MalformedHeader),
            attack("an array", "RFC 7515 §5.2", headed(br#"["ES256"]"#), TokenError::MalformedHeader),
            attack(
                "a byte order mark",
                "RFC 8259 §8.1",
                headed(b"\xef\xbb\xbf{}"),
                TokenError::MalformedHeader,
            ),
            attack("not UTF-8", "RFC 8725 §3.7", headed(b"{\"alg\":\"\xff\"}"), TokenError::MalformedHeader),
            attack(
                "trailing data",
                "RFC 7515 §5.2",
                headed(br#"{"alg":"ES256"}{}"#),
                TokenError::MalformedHeader,
            ),
            attack(
                "a comment",
                "RFC 8259 §2",
                headed(br#"{"alg":"ES256"/**/}"#),
                TokenError::MalformedHeader,
            ),
            attack("very deep", "RFC 8259 §9", headed(deep.as_bytes()), TokenError::MalformedHeader),
        ],
    );
}

fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().expect("three parts")
}
