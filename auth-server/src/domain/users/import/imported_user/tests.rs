use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::domain::users::import::imported_user::{BadLine, ImportedUser, Options};

const HASH: &str = "$2b$04$n4K6gTE3DMJ3aF/MXBUtw.sqQQzHqH3TgmuS1zr6rykF6I2qDdUPS";
const STRICT: Options<'_> = Options { ignore_unknown: false, flask_security: false, totp_encryption: None };

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn parse(line: &str, options: Options) -> Result<ImportedUser, String> {
    ImportedUser::parse(line.as_bytes(), options, now()).map_err(|reason: BadLine| {
        let message = reason.to_string();
        assert!(!message.contains("n4K6gTE3") && message.lines().count() == 1, "{message}");
        message
    })
}

/// A valid line with one member replaced.
fn with(name: &str, value: &Value) -> Result<ImportedUser, String> {
    let mut line = json!({"email": "ann@example.org", "password_hash": HASH});
    line[name] = value.clone();
    parse(&line.to_string(), STRICT)
}

#[test]
fn all_members_are_imported() {
    let line = json!({
        "email": " Ann@Example.org", "password": HASH, "username": "Ann", "name": "Ann B.", "disabled": true,
        "id": "97BCC65A-8B5D-4D33-A0F6-4D06A4C8B6B1", "roles": ["admin"], "claims": {"plan": "team"},
        "created_at": "2020-02-03T04:05:06.5+01:00",
    });
    let ImportedUser { user, has_own_id, app: _ } = parse(&line.to_string(), STRICT).unwrap();
    assert!(has_own_id);
    assert_eq!(user.email.as_str(), "ann@example.org");
    assert_eq!(user.password_hash.0.expose_secret(), HASH);
    assert_eq!(user.username.unwrap().as_str(), "ann");
    assert_eq!(user.name.unwrap().as_str(), "Ann B.");
    assert_eq!(user.id.to_string(), "97bcc65a-8b5d-4d33-a0f6-4d06a4c8b6b1");
    assert_eq!(user.roles[0].as_str(), "admin");
    assert_eq!(json!(user.claims), json!({"plan": "team"}));
    assert_eq!((user.disabled_at, user.version), (Some(now()), 1));
    assert_eq!(user.created_at.to_rfc3339(), "2020-02-03T03:05:06.500+00:00");
}

#[test]
fn null_and_empty_values_count_as_missing() {
    let line = json!({
        "email": "ann@example.org", "encrypted_password": HASH, "username": "", "name": "", "id": null,
        "roles": null, "claims": null, "disabled": null, "created_at": null,
    });
    let ImportedUser { user, has_own_id, app: _ } = parse(&line.to_string(), STRICT).unwrap();
    assert!(!has_own_id && user.username.is_none() && user.name.is_none() && user.roles.is_empty());
    assert_eq!((user.created_at, user.disabled_at), (now(), None));
}

#[test]
fn times_are_parsed_in_the_formats_of_dumps() {
    for text in [
        "2020-02-03T04:05:06Z",
        "2020-02-03 04:05:06.123+00",
        "2020-02-03T06:05:06+02:00",
        "2020-02-03 04:05:06",
        "2020-02-03T04:05:06.123456",
    ] {
        let imported = with("created_at", &json!(text)).unwrap();
        assert_eq!(imported.user.created_at.timestamp(), 1_580_702_706, "{text}");
    }
}

#[test]
fn flask_security_hashes_get_a_prefix_except_those_in_djangos_formats() {
    let flask = Options { flask_security: true, ..STRICT };
    let stored = |hash: &str| {
        let line = json!({"email": "ann@example.org", "password": hash}).to_string();
        parse(&line, flask).unwrap().user.password_hash.0.expose_secret().to_owned()
    };
    assert_eq!(stored(HASH), format!("flask-security${HASH}"));
    assert_eq!(stored(&format!("bcrypt${HASH}")), format!("bcrypt${HASH}"));
}

#[test]
fn a_bad_line_is_explained_without_its_values() {
    let costly = HASH.replace("$04$", "$15$");
    for (name, value, reason) in [
        ("email", json!(null), "email is missing"),
        ("email", json!(HASH), "email is not an e-mail address"),
        ("email", json!([HASH]), "email is not a string"),
        ("password_hash", json!(""), "password_hash is missing"),
        ("password_hash", json!("n4K6gTE3DMJ3aF"), "password_hash has an unknown format"),
        ("password_hash", json!(costly), "password_hash takes more than a second or 256 MiB to verify"),
        ("password_hash", json!(["n4K6gTE3DMJ3aF"]), "password_hash is not a string"),
        ("password", json!(HASH), "has a duplicate member password_hash"),
        ("username", json!(HASH), "username may contain only the letters a to z, digits, '.', '_' and '-'"),
        ("name", json!("a\u{0}"), "name must not contain control characters"),
        ("id", json!(7), "id is not a string"),
        ("id", json!("7"), "id is not a UUID"),
        ("roles", json!(HASH), "roles is not an array"),
        ("roles", json!([HASH]), "roles must be 1 to 32 characters of a-z, 0-9, '_' and '-'"),
        ("roles", json!([1]), "roles must contain only strings"),
        ("claims", json!([HASH]), "claims must be a JSON object"),
        ("claims", json!({"sub": HASH}), "claims must not have a member \"sub\", which is reserved"),
        ("disabled", json!(HASH), "disabled must be true or false"),
        ("created_at", json!(HASH), "created_at is not a time such as 2026-01-31T12:00:00Z"),
        (
            "created_at",
            json!("10000-01-01T00:00:00Z"),
            "created_at is not a time such as 2026-01-31T12:00:00Z",
        ),
        (
            "shoe_size",
            json!(HASH),
            "has an unknown member \"shoe_size\"; use --ignore-unknown to skip unknown members",
        ),
    ] {
        assert_eq!(with(name, &value).err().as_deref(), Some(reason), "{name}: {value}");
    }
}

#[test]
fn text_that_is_not_an_object_is_not_printed() {
    let quoted = format!("\"{HASH}\"");
    let duplicate = format!("{{\"email\":\"a@example.org\",\"email\":\"{HASH}\"}}");
    for (line, reason) in [
        (HASH, "is not JSON"),
        ("{\"email\":", "is not JSON"),
        ("{} {}", "is not JSON"),
        ("7", "is not a JSON object"),
        (&quoted, "is not a JSON object"),
        (&duplicate, "has a duplicate member email"),
    ] {
        assert_eq!(parse(line, STRICT).err().as_deref(), Some(reason), "{line}");
    }
    assert!(
        ImportedUser::parse(b"{\"email\":\"\xff\"}", STRICT, now()).is_err_and(|it| it == BadLine::NotJson)
    );
}

#[test]
fn unknown_members_can_be_skipped() {
    let line = json!({"email": "ann@example.org", "password": HASH, "last_login": {"at": [1]}}).to_string();
    assert!(parse(&line, STRICT).is_err());
    assert!(parse(&line, Options { ignore_unknown: true, ..STRICT }).is_ok());
}
