//! `auth-server keys`, run while servers use the database.

use test_support::TestDatabase;

use crate::app::{KEY_SECRET, PASSWORD, REFRESH_SECRET};
use crate::command::{self, Outcome};
use crate::program;

const OTHER_SECRET: &str = "another-key-secret-of-the-tests-01234567";

fn keys(database: &TestDatabase, arguments: &[&str]) -> Outcome {
    keys_with(database, arguments, &[("KEY_ENCRYPTION_SECRET", KEY_SECRET)])
}

pub fn keys_with(database: &TestDatabase, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    command::run(database, &[&["keys"], arguments].concat(), variables)
}

/// The role of each key in `keys list --json`, newest first.
fn roles(database: &TestDatabase) -> Vec<String> {
    let listed = keys_with(database, &["list", "--json"], &[]).json();
    let keys = listed["items"].as_array().expect("keys");
    keys.iter().map(|key| key["role"].as_str().expect("a role").to_owned()).collect()
}

fn kid(database: &TestDatabase, index: usize) -> String {
    let listed = keys_with(database, &["list", "--json"], &[]).json();
    listed["items"][index]["kid"].as_str().expect("a kid").to_owned()
}

#[actix_web::test]
async fn a_key_created_by_command_is_published_first_and_signs_later() {
    let database = TestDatabase::fresh();
    let _server = program::start(&database, &[]).await;
    assert_eq!(roles(&database), ["signing"]);
    let made = keys(&database, &["rotate", "--json"]).json();
    assert_eq!(made["kid"].as_str(), Some(kid(&database, 0).as_str()));
    assert_eq!(roles(&database), ["next", "signing"]);
    keys(&database, &["rotate"]).assert_rejected("is already published and signs from");
    assert_eq!(roles(&database), ["next", "signing"]);
}

#[actix_web::test]
async fn a_key_can_be_retired_without_secrets_and_the_next_server_replaces_it() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let first = kid(&database, 0);
    let retire =
        |kid: &str| keys_with(&database, &["retire", kid, "--json"], &[("JWT_ACCESS_ALGORITHM", "HS256")]);
    assert_eq!(retire(&first).json()["retired"].as_str(), Some(first.as_str()));
    assert_eq!(roles(&database), ["retired"], "no key of any algorithm replaces it");
    // The beginning that a narrow table shows.
    retire(&first).assert_rejected("is already retired");
    retire(&format!("{}…", &first[..8])).assert_rejected(&format!("{first} is already retired"));
    retire(&first[..7]).assert_rejected("there is no signing key");
    retire("nonsense").assert_rejected("there is no signing key nonsense");
    retire("-nonsense").assert_rejected("there is no signing key -nonsense");
    let by = "SELECT details AS value FROM events WHERE type = 'key_retired'";
    assert_eq!(database.db_text(by), format!(r#"{{"by":"operator","kid":"{first}"}}"#));

    // The secret that encrypted the key is no longer needed.
    let server = program::start(&database, &[("KEY_ENCRYPTION_SECRET", OTHER_SECRET)]).await;
    assert_eq!(roles(&database), ["signing", "retired"]);
    let user = serde_json::json!({"email": "ann@example.org", "password": PASSWORD});
    server.post("/auth/register").json(&user).send().await.assert_status(201);
}

#[actix_web::test]
async fn keys_can_be_reencrypted_with_another_secret() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let before = database.db_text("SELECT encryption_key_id AS value FROM signing_keys");
    let other = ("KEY_ENCRYPTION_SECRET", OTHER_SECRET);
    keys_with(&database, &["rewrap"], &[other]).assert_rejected("KEY_ENCRYPTION_SECRET_PREVIOUS");
    keys_with(&database, &["rotate"], &[other]).assert_rejected("KEY_ENCRYPTION_SECRET does not decrypt");

    let both = [other, ("KEY_ENCRYPTION_SECRET_PREVIOUS", KEY_SECRET)];
    assert_eq!(keys_with(&database, &["rewrap", "--json"], &both).json()["rewrapped"], 1);
    assert_eq!(keys_with(&database, &["rewrap", "--json"], &both).json()["rewrapped"], 0);
    assert_ne!(database.db_text("SELECT encryption_key_id AS value FROM signing_keys"), before);
    drop(program::start(&database, &[other]).await);
    keys(&database, &["rotate"]).assert_rejected("KEY_ENCRYPTION_SECRET does not decrypt");
}

#[actix_web::test]
async fn a_key_that_cannot_be_decrypted_does_not_prevent_reencrypting_others() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let first = kid(&database, 0);
    keys(&database, &["rotate"]).assert_succeeded();
    database.db_execute(&format!("UPDATE signing_keys SET encryption_key_id = 'lost' WHERE kid = '{first}'"));
    let both = [("KEY_ENCRYPTION_SECRET", OTHER_SECRET), ("KEY_ENCRYPTION_SECRET_PREVIOUS", KEY_SECRET)];
    keys_with(&database, &["rewrap"], &both).assert_rejected("re-encrypted 1 key(s), but not");
    keys(&database, &["retire", &first]).assert_succeeded();
    assert_eq!(keys_with(&database, &["rewrap", "--json"], &both).json()["rewrapped"], 0);
}

#[actix_web::test]
async fn commands_neither_create_nor_migrate_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("none.db");
    let url = format!("sqlite://{}", missing.display());
    let nowhere = [("DATABASE_URL", url.as_str()), ("KEY_ENCRYPTION_SECRET", KEY_SECRET)];
    let database = TestDatabase::fresh();
    for arguments in [&["list"][..], &["rotate"], &["retire", "x"]] {
        keys_with(&database, arguments, &nowhere)
            .assert_rejected("set DATABASE_URL to the database of the servers");
    }
    assert!(!missing.exists());

    drop(program::start(&database, &[]).await);
    database.db_execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261121000002'");
    keys(&database, &["list"]).assert_rejected("older than this program");
}

#[actix_web::test]
async fn a_key_of_an_unused_algorithm_is_not_created_by_mistake() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[("JWT_ACCESS_ALGORITHM", "EdDSA")]).await);
    keys(&database, &["rotate"])
        .assert_rejected("set JWT_ACCESS_ALGORITHM to the value that the servers use");
    assert_eq!(roles(&database), ["signing"]);
}

#[actix_web::test]
async fn the_table_is_readable_and_contains_no_secret() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let table = keys_with(&database, &["list"], &[]).out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(
        lines[0].starts_with("ROLE ") && lines[1].contains("ES256") && lines[1].contains("signing"),
        "{table}"
    );
    for secret in [KEY_SECRET, REFRESH_SECRET] {
        assert!(!table.contains(secret));
    }
}

#[actix_web::test]
async fn hs256_has_no_key_pairs() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let hs256 = [("JWT_ACCESS_ALGORITHM", "HS256")];
    keys_with(&database, &["rotate"], &hs256).assert_rejected("HS256");
    keys_with(&database, &["rotate"], &[]).assert_rejected("KEY_ENCRYPTION_SECRET is not set");
}
