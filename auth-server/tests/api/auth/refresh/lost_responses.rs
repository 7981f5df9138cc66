use chrono::TimeDelta;

use crate::app::{Session, TestApp, security_log};
use test_support::hex;

const KEY: &str = "0123456789abcdefghijklmnop";
const OTHER_KEY: &str = "another-key-of-26-letters_";

#[actix_web::test]
async fn an_hour_later_the_same_key_redelivers_five_times_and_no_more() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let lost = Session::of(&app.refresh_with_key(&first.refresh_token, KEY).await.assert_status(200));

    for _ in 0..5 {
        app.advance(TimeDelta::hours(1));
        let again = Session::of(&app.refresh_with_key(&first.refresh_token, KEY).await.assert_status(200));
        assert_eq!(again.rotation, lost.rotation);
    }
    assert_eq!(security_log(&first)[1..], ["refresh_redelivered"; 5]);
    app.refresh_with_key(&first.refresh_token, KEY).await.assert_ended("reuse_detected");
    app.refresh(&lost.refresh_token).await.assert_ended("reuse_detected");
    assert_eq!(security_log(&first).last().map(String::as_str), Some("reuse_detected"));
}

#[actix_web::test]
async fn every_rotation_has_its_own_redelivery_limit() {
    let app = TestApp::start().await;
    let mut token = app.register("ann").await.refresh_token;
    for key in [KEY, OTHER_KEY] {
        app.refresh_with_key(&token, key).await.assert_status(200);
        app.advance(TimeDelta::hours(1));
        let mut again = String::new();
        for _ in 0..5 {
            again = Session::of(&app.refresh_with_key(&token, key).await.assert_status(200)).refresh_token;
        }
        token = again;
    }
}

#[actix_web::test]
async fn a_redelivered_token_can_be_refreshed() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    app.refresh_with_key(&first.refresh_token, KEY).await.assert_status(200);
    app.advance(TimeDelta::hours(1));
    let again = Session::of(&app.refresh_with_key(&first.refresh_token, KEY).await.assert_status(200));

    let next = Session::of(&app.refresh_with_key(&again.refresh_token, OTHER_KEY).await.assert_status(200));
    assert_eq!(next.rotation, 2);

    app.advance(TimeDelta::hours(1));
    app.refresh_with_key(&first.refresh_token, KEY).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn session_calls_with_the_previous_token_do_not_prevent_redelivery() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    app.refresh_with_key(&first.refresh_token, KEY).await.assert_status(200);
    app.advance(TimeDelta::hours(1));

    app.me(&first.refresh_token).await.assert_problem(401, "token_stale");
    app.get("/auth/sessions").cookie(&first.refresh_token).send().await.assert_problem(401, "token_stale");

    let again = Session::of(&app.refresh_with_key(&first.refresh_token, KEY).await.assert_status(200));
    app.me(&again.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn redeliveries_within_the_grace_are_not_counted() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    for _ in 0..8 {
        app.refresh_with_key(&first.refresh_token, KEY).await.assert_status(200);
    }
    assert_eq!(app.database.db_text("SELECT CAST(redeliveries AS TEXT) AS value FROM sessions"), "0");
}

#[actix_web::test]
async fn a_quoted_key_is_the_same_key() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    app.refresh_with_key(&first.refresh_token, KEY).await.assert_status(200);
    app.advance(TimeDelta::hours(1));
    app.refresh_with_key(&first.refresh_token, &format!("\"{KEY}\"")).await.assert_status(200);
}

async fn is_reuse(first_key: Option<&str>, second_key: Option<&str>) {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let send = |key: Option<&str>| {
        let call = app.post("/auth/refresh").cookie(&first.refresh_token);
        match key {
            Some(key) => call.header("Idempotency-Key", key),
            None => call,
        }
    };
    send(first_key).send().await.assert_status(200);
    app.advance(TimeDelta::hours(1));
    send(second_key).send().await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn another_key_is_reuse() {
    is_reuse(Some(KEY), Some(OTHER_KEY)).await;
}

#[actix_web::test]
async fn a_retry_without_the_key_is_reuse() {
    is_reuse(Some(KEY), None).await;
}

#[actix_web::test]
async fn a_retry_with_a_key_that_the_first_request_lacked_is_reuse() {
    is_reuse(None, Some(KEY)).await;
}

#[actix_web::test]
async fn two_requests_without_a_key_never_match() {
    is_reuse(None, None).await;
}

#[actix_web::test]
async fn an_invalid_key_is_rejected_and_the_token_stays_unspent() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let long = "a".repeat(65);
    for key in
        ["", "short", "0123456789abcdefghijk", "0123456789 abcdefghijklmn", "\"0123456789abcdefghijkl", &long]
    {
        let response =
            app.refresh_with_key(&first.refresh_token, key).await.assert_problem(400, "malformed_request");
        assert!(response.set_cookie().is_none());
    }
    let two = app.post("/auth/refresh").cookie(&first.refresh_token);
    let two = two.header("Idempotency-Key", KEY).header("Idempotency-Key", KEY);
    two.send().await.assert_problem(400, "malformed_request");

    let next = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    assert_eq!(next.rotation, 1);
}

#[actix_web::test]
async fn the_key_itself_is_not_stored() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    app.refresh_with_key(&first.refresh_token, KEY).await.assert_status(200);
    let sql = if app.database.is_postgres() {
        "SELECT encode(idempotency_key_hash, 'hex') AS value FROM sessions"
    } else {
        "SELECT lower(hex(idempotency_key_hash)) AS value FROM sessions"
    };
    let stored = app.database.db_text(sql);
    assert_eq!(stored.len(), 64);
    assert!(!stored.contains(&hex(KEY)));
}
