use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::rt::time::sleep;
use serde_json::json;
use test_support::Response;

use crate::app::{PASSWORD, TestApp};

/// Of `PASSWORD`, with settings so slow that a change can happen during verification.
pub const SLOW_HASH: &str =
    "$argon2id$v=19$m=65536,t=8,p=1$081fTEJ4J3IIdMHVdjr3Ug$fgu4e2K4nswHaRSm6aDAYAxGchLDVt1qGG833big0UA";

#[actix_web::test]
async fn weak_passwords_are_rejected_with_a_reason() {
    let app = TestApp::start().await;
    let long = "aB3$x".repeat(26);
    for password in ["short", "password1", "ann@example.org", "12345678901234567890", &long] {
        let user = json!({"email": "ann@example.org", "password": password});
        let response =
            app.post("/auth/register").json(&user).send().await.assert_problem(422, "invalid_input");
        assert!(response.json()["fields"]["password"].is_string(), "{}", response.text());
        assert!(!response.text().contains(password));
    }
    assert!(app.database.db_texts("SELECT id AS value FROM users").is_empty());
}

#[actix_web::test]
async fn nine_characters_are_enough_and_eight_never_are() {
    let app = TestApp::start().await;
    let register = |password: &str| {
        let user = json!({"email": "ann@example.org", "password": password});
        app.post("/auth/register").json(&user).send()
    };
    let response = register("qX7#vT2p").await.assert_problem(422, "invalid_input");
    assert_eq!(response.json()["fields"]["password"], json!("must be at least 9 characters long"));
    register("qX7#vT2pK").await.assert_status(201);
}

#[actix_web::test]
async fn passwords_are_stored_as_argon2id() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let hash = app.database.db_text("SELECT password_hash AS value FROM users");
    assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
}

#[actix_web::test]
async fn a_hash_with_old_settings_is_upgraded_at_login() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let app = app.another_with(&["--argon2-memory-kib", "64", "--argon2-iterations", "3"]).await.unwrap();

    app.try_login("ann", &json!({"password": "wrong"})).await.assert_status(401);
    let hash = || app.database.db_text("SELECT password_hash AS value FROM users");
    assert!(hash().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));

    let session = app.log_in("ann").await;
    assert!(hash().starts_with("$argon2id$v=19$m=64,t=3,p=1$"), "{}", hash());
    app.log_in("ann").await;
    app.refresh(&session.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_password_changed_during_its_verification_creates_no_session() {
    let sql = "UPDATE users SET version = version + 1, password_hash = 'changed'";
    change_during_verification(sql).await.assert_problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn a_user_changed_during_verification_is_not_reported_as_a_wrong_password() {
    let response = change_during_verification("UPDATE users SET version = version + 1").await;
    assert!(response.assert_problem(503, "unavailable").header("retry-after").is_some());
}

#[actix_web::test]
async fn a_user_disabled_during_verification_gets_no_session() {
    let sql = "UPDATE users SET disabled_at = created_at";
    change_during_verification(sql).await.assert_problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn a_password_of_a_mebibyte_is_rejected_without_a_hash_slot() {
    // A hash is slow enough for the queue to stay full.
    let app = TestApp::with(&["--argon2-memory-kib", "65536", "--argon2-iterations", "20"]).await;
    let login = |number: usize, password: &str| {
        let body = json!({"email": format!("unknown{number}@example.org"), "password": password});
        app.post("/auth/login").json(&body).send()
    };
    let capacity = 64 + available_parallelism().map_or(1, usize::from);
    let logins = (0..capacity + 8).map(|number| actix_web::rt::spawn(login(number, "wrong")));
    let (first, _, _waiting) = futures_util::future::select_all(logins).await;
    first.expect("a response").assert_problem(503, "unavailable");

    let huge = "x".repeat(1 << 20);
    login(1000, &huge).await.assert_problem(413, "body_too_large");
    login(1000, "wrong").await.assert_problem(503, "unavailable");
}

#[actix_web::test]
async fn a_flood_of_registrations_does_not_hold_up_a_login() {
    const FLOOD: usize = 40;
    let app = TestApp::start().await;
    app.register("ann").await;
    // A new hash is slow enough for the registrations to stay in the queue.
    let slow = ["--argon2-memory-kib", "65536", "--argon2-iterations", "10"];
    let app = app.another_with(&slow).await.unwrap();
    let register = |number: usize| {
        let user = json!({"email": format!("new{number}@example.org"), "password": PASSWORD});
        actix_web::rt::spawn(app.post("/auth/register").json(&user).send())
    };
    let registrations = (0..FLOOD).map(register);
    let (first, _, waiting) = futures_util::future::select_all(registrations).await;
    first.expect("a response").assert_problem(503, "unavailable");

    app.log_in("ann").await;
    let waiting = waiting.iter().filter(|registration| !registration.is_finished()).count();
    let slots = (64 + available_parallelism().map_or(1, usize::from)) / 4;
    assert!((slots / 2..=slots).contains(&waiting), "{waiting} registrations were waiting");
}

/// The response to a login with the right password during which this SQL runs. Asserts that there is no session.
async fn change_during_verification(sql: &str) -> Response {
    let app = TestApp::start().await;
    app.register("ann").await;
    app.database.db_execute("DELETE FROM sessions");
    app.database.db_execute(&format!("UPDATE users SET password_hash = '{SLOW_HASH}'"));

    let right = json!({"password": PASSWORD});
    let login = app.try_login("ann", &right);
    let change = async {
        sleep(Duration::from_millis(150)).await;
        app.database.db_execute(sql);
    };
    let (response, ()) = futures_util::future::join(login, change).await;

    assert!(app.database.db_texts("SELECT id AS value FROM sessions").is_empty());
    response
}
