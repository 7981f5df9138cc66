//! `auth-server keys`, as an operator runs it beside servers that go on.

use test_support::TestDatabase;

use crate::app::{KEY_SECRET, PASSWORD, REFRESH_SECRET};
use crate::command::{self, Outcome};
use crate::program;

const OTHER_SECRET: &str = "another-key-secret-of-the-tests-01234567";

fn keys(database: &TestDatabase, words: &[&str]) -> Outcome {
    keys_with(database, words, &[("KEY_ENCRYPTION_SECRET", KEY_SECRET)])
}

pub fn keys_with(database: &TestDatabase, words: &[&str], variables: &[(&str, &str)]) -> Outcome {
    command::run(database, &[&["keys"], words].concat(), variables)
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
    keys(&database, &["rotate"]).assert_refused("is already published and signs from");
    assert_eq!(roles(&database), ["next", "signing"]);
}

#[actix_web::test]
async fn a_key_is_retired_without_any_secret_and_the_next_server_replaces_it() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let first = kid(&database, 0);
    let retire =
        |kid: &str| keys_with(&database, &["retire", kid, "--json"], &[("JWT_ACCESS_ALGORITHM", "HS256")]);
    assert_eq!(retire(&first).json()["retired"].as_str(), Some(first.as_str()));
    assert_eq!(roles(&database), ["retired"], "nothing was made in its place, of which algorithm ever");
    retire(&first).assert_refused("is already retired");
    retire("nonsense").assert_refused("there is no signing key nonsense");
    retire("-nonsense").assert_refused("there is no signing key -nonsense");
    let by = "SELECT details AS value FROM events WHERE type = 'key_retired'";
    assert_eq!(database.db_text(by), format!(r#"{{"by":"operator","kid":"{first}"}}"#));

    // Nor does the secret that sealed it matter any more.
    let server = program::start(&database, &[("KEY_ENCRYPTION_SECRET", OTHER_SECRET)]).await;
    assert_eq!(roles(&database), ["signing", "retired"]);
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
    keys_with(&database, &["rotate"], &[other]).assert_refused("KEY_ENCRYPTION_SECRET does not decrypt");

    let both = [other, ("KEY_ENCRYPTION_SECRET_PREVIOUS", KEY_SECRET)];
    assert_eq!(keys_with(&database, &["rewrap", "--json"], &both).json()["rewrapped"], 1);
    assert_eq!(keys_with(&database, &["rewrap", "--json"], &both).json()["rewrapped"], 0);
    assert_ne!(database.db_text("SELECT encryption_key_id AS value FROM signing_keys"), before);
    drop(program::start(&database, &[other]).await);
    keys(&database, &["rotate"]).assert_refused("KEY_ENCRYPTION_SECRET does not decrypt");
}

#[actix_web::test]
async fn one_key_that_cannot_be_opened_keeps_no_other_from_being_sealed_anew() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let first = kid(&database, 0);
    keys(&database, &["rotate"]).assert_done();
    database.db_execute(&format!("UPDATE signing_keys SET encryption_key_id = 'lost' WHERE kid = '{first}'"));
    let both = [("KEY_ENCRYPTION_SECRET", OTHER_SECRET), ("KEY_ENCRYPTION_SECRET_PREVIOUS", KEY_SECRET)];
    keys_with(&database, &["rewrap"], &both).assert_refused("re-encrypted 1 key(s), but not");
    keys(&database, &["retire", &first]).assert_done();
    assert_eq!(keys_with(&database, &["rewrap", "--json"], &both).json()["rewrapped"], 0);
}

#[actix_web::test]
async fn a_command_makes_no_database_and_changes_no_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("none.db");
    let url = format!("sqlite://{}", missing.display());
    let nowhere = [("DATABASE_URL", url.as_str()), ("KEY_ENCRYPTION_SECRET", KEY_SECRET)];
    let database = TestDatabase::fresh();
    for words in [&["list"][..], &["rotate"], &["retire", "x"]] {
        keys_with(&database, words, &nowhere)
            .assert_refused("set DATABASE_URL to the database of the servers");
    }
    assert!(!missing.exists());

    drop(program::start(&database, &[]).await);
    database.db_execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261121000002'");
    keys(&database, &["list"]).assert_refused("older than this program");
}

#[actix_web::test]
async fn a_key_of_an_algorithm_that_nobody_uses_is_not_made_by_mistake() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[("JWT_ACCESS_ALGORITHM", "EdDSA")]).await);
    keys(&database, &["rotate"]).assert_refused("set JWT_ACCESS_ALGORITHM to the value that the servers use");
    assert_eq!(roles(&database), ["signing"]);
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
    drop(program::start(&database, &[]).await);
    let hs256 = [("JWT_ACCESS_ALGORITHM", "HS256")];
    keys_with(&database, &["rotate"], &hs256).assert_refused("HS256");
    keys_with(&database, &["rotate"], &[]).assert_refused("KEY_ENCRYPTION_SECRET is not set");
}
