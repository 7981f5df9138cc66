//! `auth-server migrate` and `auth-server check`.

use serde_json::{Value, json};
use test_support::TestDatabase;

use crate::app::{KEY_SECRET, REFRESH_SECRET, TestApp};
use crate::command::{self, Outcome};
use crate::program;

const OTHER_SECRET: &str = "another-key-secret-of-the-tests-01234567";
const SECRETS: [(&str, &str); 2] =
    [("JWT_REFRESH_SECRET", REFRESH_SECRET), ("KEY_ENCRYPTION_SECRET", KEY_SECRET)];

fn check(database: &TestDatabase, variables: &[(&str, &str)]) -> Outcome {
    command::run(database, &["check", "--json"], variables)
}

/// The names of the failed checks.
fn failed(outcome: &Outcome) -> Vec<String> {
    let report: Value = serde_json::from_str(&outcome.out).expect("JSON");
    let failed = report["items"].as_array().expect("items").iter().filter(|point| point["ok"] == false);
    let failed: Vec<String> =
        failed.map(|point| point["name"].as_str().expect("a name").to_owned()).collect();
    assert_eq!(report["ok"] == true, failed.is_empty());
    assert_eq!(outcome.succeeded, failed.is_empty(), "{}", outcome.out);
    assert_eq!(outcome.error.lines().count(), usize::from(!failed.is_empty()), "{}", outcome.error);
    failed
}

#[actix_web::test]
async fn migrate_applies_pending_migrations_once() {
    let database = TestDatabase::fresh();
    let migrate = || command::run(&database, &["migrate", "--json"], &[]).json();
    let applied = migrate();
    assert_eq!(applied["applied"].as_array().expect("steps").first(), Some(&json!("20261121000001")));
    assert_eq!(migrate(), json!({"applied": []}));
    drop(program::start(&database, &[]).await);
    assert_eq!(migrate(), json!({"applied": []}), "a server leaves no migration pending");

    database.db_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')");
    command::run(&database, &["migrate"], &[]).assert_rejected("newer than this program");
}

#[actix_web::test]
async fn check_passes_where_a_server_starts_and_changes_nothing() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let before = app.database.db_content();
    assert_eq!(failed(&check(&app.database, &SECRETS)), [""; 0]);
    assert_eq!(app.database.db_content(), before);
    let lines = command::run(&app.database, &["check"], &SECRETS);
    lines.assert_succeeded();
    let is_good =
        |line: &str| line.starts_with("ok       ") || line.starts_with("warning  ARGON2_MEMORY_KIB=8");
    assert!(lines.out.lines().all(is_good), "{}", lines.out);
    for secret in [REFRESH_SECRET, KEY_SECRET] {
        assert!(!lines.out.contains(secret));
    }
}

#[actix_web::test]
async fn check_warns_about_misspelt_variables_and_those_of_the_other_server() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let variables = [&SECRETS[..], &[("ALOWED_ORIGINS", "x"), ("JWKS_URL", "x"), ("HOME", "x")]].concat();
    let report = check(&database, &variables).json();
    let warnings = &report["warnings"].as_array().expect("warnings")[1..];
    assert_eq!(
        warnings,
        [
            "ALOWED_ORIGINS is not a setting and has no effect; did you mean ALLOWED_ORIGINS?",
            "JWKS_URL is a setting of resource-server and has no effect"
        ]
    );
    assert_eq!(report["ok"], true, "warnings do not fail");
}

#[actix_web::test]
async fn check_reports_all_problems_together() {
    let database = TestDatabase::fresh();
    command::run(&database, &["migrate"], &[]).assert_succeeded();
    let both = [("SESSION_MAX_TTL", "1m"), ("KEY_ENCRYPTION_SECRET", KEY_SECRET)];
    assert_eq!(failed(&check(&database, &both)), ["settings", "secrets"]);
    let short = [("JWT_REFRESH_SECRET", "short"), ("KEY_ENCRYPTION_SECRET", KEY_SECRET)];
    assert_eq!(failed(&check(&database, &short)), ["secrets"]);
    let memory = [&SECRETS[..], &[("ARGON2_MEMORY_KIB", "8"), ("ARGON2_PARALLELISM", "64")]].concat();
    assert_eq!(failed(&check(&database, &memory)), ["passwords"]);
    // A value that cannot be parsed is reported before any check runs.
    check(&database, &[("ACCESS_TOKEN_TTL", "soon")]).assert_rejected("ACCESS_TOKEN_TTL");
}

#[actix_web::test]
async fn check_decrypts_the_keys_with_the_given_secrets() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let other = [("JWT_REFRESH_SECRET", REFRESH_SECRET), ("KEY_ENCRYPTION_SECRET", OTHER_SECRET)];
    assert_eq!(failed(&check(&database, &other)), ["signing keys"]);
    let both = [&other[..], &[("KEY_ENCRYPTION_SECRET_PREVIOUS", KEY_SECRET)]].concat();
    assert_eq!(failed(&check(&database, &both)), [""; 0]);
}

#[actix_web::test]
async fn check_neither_creates_nor_migrates_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("none.db");
    let url = format!("sqlite://{}", missing.display());
    let database = TestDatabase::fresh();
    assert_eq!(failed(&check(&database, &[&SECRETS[..], &[("DATABASE_URL", &url)]].concat())), ["database"]);
    assert!(!missing.exists());
    if database.is_postgres() {
        // The schema exists and is empty.
        assert_eq!(failed(&check(&database, &SECRETS)), ["database"]);
        assert_eq!(database.db_dump(), "");
    }

    drop(program::start(&database, &[]).await);
    database.db_execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261121000002'");
    let outcome = check(&database, &SECRETS);
    assert_eq!(failed(&outcome), ["database"]);
    assert!(outcome.out.contains("`auth-server migrate`"), "{}", outcome.out);
}

#[actix_web::test]
async fn check_detects_a_read_only_database() {
    let database = TestDatabase::fresh();
    drop(program::start(&database, &[]).await);
    let read_only = match database.url.strip_prefix("sqlite://") {
        Some(_) => {
            database.db_execute(
                "CREATE TRIGGER closed BEFORE UPDATE ON guards BEGIN SELECT RAISE(ABORT, 'closed'); END",
            );
            database.url.clone()
        }
        None => format!("{}%20-c%20default_transaction_read_only%3Don", database.url),
    };
    let outcome = check(&database, &[&SECRETS[..], &[("DATABASE_URL", &read_only)]].concat());
    assert_eq!(failed(&outcome), ["writing"]);
    if database.is_postgres() {
        assert!(outcome.out.contains("default_transaction_read_only is on"), "{}", outcome.out);
    }
}
