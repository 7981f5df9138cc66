//! No password, refresh token, secret or private key reaches the database, a log line or an error.

use serde_json::json;

use crate::app::{KEY_SECRET, PASSWORD, REFRESH_SECRET, Session, TestApp, claims};
use crate::program;
use test_support::{TestDatabase, hex};

/// Whether the dump contains the text, unchanged or in hex.
fn contains(dump: &str, text: &str) -> bool {
    dump.contains(text) || dump.to_lowercase().contains(&hex(text))
}

#[actix_web::test]
async fn the_database_contains_no_usable_secret() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let key = "an-idempotency-key-of-a-client";
    let second = Session::of(&app.refresh_with_key(&first.refresh_token, key).await.assert_status(200));
    let secret = claims(&second.refresh_token)["sk"].as_str().unwrap().to_owned();
    let dump = app.database.db_dump();
    assert!(
        dump.contains("ann@example.org") && dump.contains(&first.user_id),
        "the search does not find values that are stored"
    );
    let hidden = [
        PASSWORD,
        REFRESH_SECRET,
        KEY_SECRET,
        key,
        &secret,
        &first.refresh_token,
        &second.refresh_token,
        &first.access_token,
    ];
    for text in hidden {
        assert!(!contains(&dump, text), "{text} is stored");
    }
}

/// Runs the program at the most verbose log level.
#[actix_web::test]
async fn the_log_contains_no_usable_secret() {
    let database = TestDatabase::fresh();
    let program = program::start(&database, &[("RUST_LOG", "trace"), ("LOG_FORMAT", "json")]).await;
    let post = |path: &str| program.post(path);

    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    let first = Session::of(&post("/auth/register").json(&user).send().await.assert_status(201));
    let mistyped = json!({"username": "ann", "password": "a-wrong-password-in-the-clear"});
    post("/auth/login").json(&mistyped).send().await.assert_status(401);
    let second =
        Session::of(&post("/auth/refresh").cookie(&first.refresh_token).send().await.assert_status(200));
    post("/auth/refresh").cookie(&format!("{}x", second.refresh_token)).send().await.assert_status(401);
    post("/auth/logout").cookie(&second.refresh_token).send().await.assert_status(204);
    let log = program.kill();
    assert!(log.contains("session_ended") && log.contains(&first.user_id), "{log}");
    let secret = claims(&second.refresh_token)["sk"].as_str().unwrap().to_owned();
    let wrong = "a-wrong-password-in-the-clear";
    for text in
        [PASSWORD, wrong, REFRESH_SECRET, KEY_SECRET, &secret, &first.refresh_token, &second.refresh_token]
    {
        assert!(!log.contains(text), "{text} is logged");
    }
}
