//! `auth-server keys`, as an operator runs it beside servers that go on.

use std::process::Command;

use e2e::TestDatabase;
use serde_json::Value;

use crate::app::{KEY_SECRET, PASSWORD, REFRESH_SECRET};
use crate::program;

const OTHER_SECRET: &str = "another-key-secret-of-the-tests-01234567";

struct Outcome {
    succeeded: bool,
    out: String,
    error: String,
}

fn keys(database: &TestDatabase, words: &[&str]) -> Outcome {
    keys_with(database, words, &[("KEY_ENCRYPTION_SECRET", KEY_SECRET)])
}

fn keys_with(database: &TestDatabase, words: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_auth-server"))
        .env_clear()
        .env("DATABASE_URL", &database.url)
        .env("RUST_LOG", "off")
        .envs(variables.iter().copied())
        .arg("keys")
        .args(words)
        .output()
        .expect("the program");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Outcome { succeeded: output.status.success(), out: text(output.stdout), error: text(output.stderr) }
}

impl Outcome {
    fn json(&self) -> Value {
        assert!(self.succeeded, "{}", self.error);
        serde_json::from_str(&self.out).expect("JSON")
    }

    fn assert_refused(&self, reason: &str) {
        assert!(!self.succeeded, "{}", self.out);
        assert_eq!(self.error.lines().count(), 1, "{}", self.error);
        assert!(self.error.contains(reason), "{}", self.error);
    }
}

/// What `keys list --json` says of each key, newest first.
fn roles(database: &TestDatabase) -> Vec<String> {
    let listed = keys_with(database, &["list", "--json"], &[]).json();
    let keys = listed["keys"].as_array().expect("keys");
    keys.iter().map(|key| key["role"].as_str().expect("a role").to_owned()).collect()
}

fn kid(database: &TestDatabase, place: usize) -> String {
    let listed = keys_with(database, &["list", "--json"], &[]).json();
    listed["keys"][place]["kid"].as_str().expect("a kid").to_owned()
}

#[actix_web::test]
async fn a_key_is_made_by_hand_once_and_signs_later() {
    let database = TestDatabase::fresh();
    let _server = program::start(&database, &[]).await;
    assert_eq!(roles(&database), ["signing"]);
    let made = keys(&database, &["rotate", "--json"]).json();
    assert_eq!(made["kid"].as_str(), Some(kid(&database, 0).as_str()));
    assert_eq!(roles(&database), ["next", "signing"]);
    keys(&database, &["rotate"]).assert_refused("is published already and signs from");
    assert_eq!(roles(&database), ["next", "signing"]);
}

#[actix_web::test]
async fn a_retired_key_is_replaced_and_the_server_goes_on() {
    let database = TestDatabase::fresh();
    let server = program::start(&database, &[]).await;
    let first = kid(&database, 0);
    let retired = keys(&database, &["retire", &first, "--json"]).json();
    assert_eq!(retired["retired"].as_str(), Some(first.as_str()));
    assert_eq!(retired["signing"].as_str(), Some(kid(&database, 0).as_str()));
    assert_eq!(roles(&database), ["signing", "retired"]);
    keys(&database, &["retire", &first]).assert_refused("is retired already");
    keys(&database, &["retire", "nonsense"]).assert_refused("there is no signing key nonsense");
    let person = serde_json::json!({"email": "ann@example.org", "password": PASSWORD});
    server.post("/auth/register").json(&person).send().await.assert_status(201);
}

#[actix_web::test]
async fn keys_are_sealed_anew_with_another_secret() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let before = database.db_text("SELECT encryption_key_id AS value FROM signing_keys");
    let other = ("KEY_ENCRYPTION_SECRET", OTHER_SECRET);
    keys_with(&database, &["rewrap"], &[other]).assert_refused("KEY_ENCRYPTION_SECRET_PREVIOUS");
    keys_with(&database, &["rotate"], &[other]).assert_refused("KEY_ENCRYPTION_SECRET does not open");

    let both = [other, ("KEY_ENCRYPTION_SECRET_PREVIOUS", KEY_SECRET)];
    assert_eq!(keys_with(&database, &["rewrap", "--json"], &both).json()["rewrapped"], 1);
    assert_eq!(keys_with(&database, &["rewrap", "--json"], &both).json()["rewrapped"], 0);
    assert_ne!(database.db_text("SELECT encryption_key_id AS value FROM signing_keys"), before);
    drop(program::start(&database, &[other]).await);
    keys(&database, &["rotate"]).assert_refused("KEY_ENCRYPTION_SECRET does not open");
}

#[actix_web::test]
async fn a_table_is_for_people_and_tells_no_secret() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let table = keys_with(&database, &["list"], &[]).out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(
        lines[0].starts_with("KID ") && lines[1].contains("ES256") && lines[1].contains("signing"),
        "{table}"
    );
    for secret in [KEY_SECRET, REFRESH_SECRET] {
        assert!(!table.contains(secret));
    }
}

#[actix_web::test]
async fn whoever_shares_a_secret_has_no_key_pairs() {
    let database = TestDatabase::fresh();
    let hs256 = [("JWT_ACCESS_ALGORITHM", "HS256")];
    keys_with(&database, &["rotate"], &hs256).assert_refused("HS256");
    keys_with(&database, &["rotate"], &[]).assert_refused("KEY_ENCRYPTION_SECRET is not set");
}
