use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;
use test_support::Response;

use crate::app::{PASSWORD, Session, TestApp, claims, security_log};

const KEY: &str = "0123456789abcdefghijklmnop";
/// Past the grace of ten seconds.
const LATER: TimeDelta = TimeDelta::seconds(11);

async fn reauthenticate(app: &TestApp, token: &str, key: Option<&str>) -> Response {
    let call = app.post("/auth/reauthenticate").cookie(token).json(&json!({"password": PASSWORD}));
    match key {
        Some(key) => call.header("Idempotency-Key", key).send().await,
        None => call.send().await,
    }
}

async fn delete(app: &TestApp, token: &str) -> Response {
    app.call(Method::DELETE, "/auth/me").cookie(token).send().await
}

fn auth_time(session: &Session) -> i64 {
    claims(&session.access_token)["auth_time"].as_i64().expect("a time")
}

#[actix_web::test]
async fn reauthentication_rotates_the_session_and_makes_the_new_tokens_fresh() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::minutes(10));

    let response = reauthenticate(&app, &session.refresh_token, None).await.assert_status(200);
    let fresh = Session::of(&response);
    assert_eq!((fresh.rotation, auth_time(&fresh)), (1, auth_time(&session) + 600));
    assert_eq!(response.json().get("refresh_token"), None);
    assert_eq!(security_log(&session), ["registered", "reauthenticated"]);

    app.advance(LATER);
    let next = Session::of(&app.refresh(&fresh.refresh_token).await.assert_status(200));
    assert_eq!((next.rotation, auth_time(&next)), (2, auth_time(&fresh)));
    delete(&app, &next.refresh_token).await.assert_status(204);
}

#[actix_web::test]
async fn a_stolen_copy_of_the_old_token_is_reuse_after_a_reauthentication() {
    let app = TestApp::start().await;
    let stolen = app.register("ann").await;
    app.advance(TimeDelta::minutes(10));
    let fresh = Session::of(&reauthenticate(&app, &stolen.refresh_token, None).await.assert_status(200));
    app.advance(LATER);
    delete(&app, &stolen.refresh_token).await.assert_ended("reuse_detected");
    app.refresh(&fresh.refresh_token).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn within_the_grace_a_copy_of_the_old_token_gets_the_successor_but_not_its_freshness() {
    let app = TestApp::start().await;
    let stolen = app.register("ann").await;
    app.advance(TimeDelta::minutes(10));
    let fresh = Session::of(&reauthenticate(&app, &stolen.refresh_token, None).await.assert_status(200));

    delete(&app, &stolen.refresh_token).await.assert_problem(403, "fresh_login_required");
    let mut copy = Session::of(&app.refresh(&stolen.refresh_token).await.assert_status(200));
    assert_eq!((copy.rotation, auth_time(&copy)), (1, auth_time(&stolen)));
    for _ in 0..2 {
        delete(&app, &copy.refresh_token).await.assert_problem(403, "fresh_login_required");
        copy = Session::of(&app.refresh(&copy.refresh_token).await.assert_status(200));
        assert_eq!(auth_time(&copy), auth_time(&stolen));
    }
    let owner = Session::of(&app.refresh(&copy.refresh_token).await.assert_status(200));
    assert_eq!(auth_time(&owner), auth_time(&stolen));
    app.refresh(&fresh.refresh_token).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn the_owner_stays_fresh_when_a_copy_rotates_first() {
    let app = TestApp::start().await;
    let stolen = app.register("ann").await;
    app.advance(TimeDelta::minutes(10));
    let fresh = Session::of(&reauthenticate(&app, &stolen.refresh_token, None).await.assert_status(200));
    let copy = Session::of(&app.refresh(&stolen.refresh_token).await.assert_status(200));
    app.refresh(&copy.refresh_token).await.assert_status(200);

    let next = Session::of(&app.refresh(&fresh.refresh_token).await.assert_status(200));
    assert_eq!((next.rotation, auth_time(&next)), (2, auth_time(&fresh)));
    delete(&app, &next.refresh_token).await.assert_status(204);
}

#[actix_web::test]
async fn a_lost_response_can_be_repeated_within_the_grace_and_later_with_the_key() {
    for (wait, key) in [(TimeDelta::seconds(9), None), (TimeDelta::hours(1), Some(KEY))] {
        let app = TestApp::start().await;
        let session = app.register("ann").await;
        app.advance(TimeDelta::minutes(10));
        reauthenticate(&app, &session.refresh_token, key).await.assert_status(200);
        app.advance(wait);

        let again = Session::of(&reauthenticate(&app, &session.refresh_token, key).await.assert_status(200));
        assert_eq!(again.rotation, 1);
        assert_eq!(auth_time(&again), auth_time(&session) + 600 + wait.num_seconds());
        let next = Session::of(&app.refresh(&again.refresh_token).await.assert_status(200));
        assert_eq!(auth_time(&next), auth_time(&again));
        delete(&app, &next.refresh_token).await.assert_status(204);
    }
}

#[actix_web::test]
async fn a_refresh_with_the_key_of_a_lost_reauthentication_is_not_fresh() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::minutes(10));
    reauthenticate(&app, &session.refresh_token, Some(KEY)).await.assert_status(200);
    app.advance(LATER);
    let again = Session::of(&app.refresh_with_key(&session.refresh_token, KEY).await.assert_status(200));
    assert_eq!((again.rotation, auth_time(&again)), (1, auth_time(&session)));
}

#[actix_web::test]
async fn another_key_after_the_grace_does_not_end_the_session_and_returns_no_token() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    reauthenticate(&app, &session.refresh_token, Some(KEY)).await.assert_status(200);
    app.advance(LATER);
    for key in [None, Some("another-key-of-26-letters_")] {
        let response = reauthenticate(&app, &session.refresh_token, key).await;
        assert!(response.assert_problem(401, "token_stale").set_cookie().is_none());
    }
    reauthenticate(&app, &session.refresh_token, Some(KEY)).await.assert_status(200);
}

#[actix_web::test]
async fn the_tokens_are_delivered_as_the_session_requires() {
    let app = TestApp::start().await;
    let by_cookie = app.register("ann").await;
    let in_body = app.try_login("ann", &json!({"token_delivery": "body"})).await.json();
    let in_body = in_body["refresh_token"].as_str().unwrap();
    let call = |token: &str| {
        app.post("/auth/reauthenticate").bearer(token).json(&json!({"password": PASSWORD})).send()
    };

    let response = call(in_body).await.assert_status(200);
    assert!(response.json()["refresh_token"].is_string() && response.set_cookie().is_none());
    call(&by_cookie.refresh_token).await.assert_problem(400, "malformed_request");
    reauthenticate(&app, in_body, None).await.assert_problem(400, "malformed_request");
    assert_eq!(Session::of(&app.refresh(&by_cookie.refresh_token).await.assert_status(200)).rotation, 1);
}

#[actix_web::test]
async fn a_token_without_auth_time_counts_from_the_login() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let key = shared_claims::testing::SigningKey::from_secret(crate::app::REFRESH_SECRET.as_bytes());
    let mut older = claims(&session.refresh_token);
    older.as_object_mut().unwrap().remove("auth_time").expect("a claim");
    let older = key.sign(&key.refresh_header(), &older);
    app.advance(TimeDelta::minutes(10));
    reauthenticate(&app, &session.refresh_token, None).await.assert_status(200);

    let copy = Session::of(&app.refresh(&older).await.assert_status(200));
    assert_eq!(auth_time(&copy), auth_time(&session));
    delete(&app, &copy.refresh_token).await.assert_problem(403, "fresh_login_required");
}

#[actix_web::test]
async fn a_wrong_password_neither_ends_the_session_nor_updates_auth_time() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::minutes(10));
    let wrong =
        app.post("/auth/reauthenticate").cookie(&session.refresh_token).json(&json!({"password": "no"}));
    let response = wrong.send().await.assert_problem(401, "invalid_credentials");
    assert!(response.set_cookie().is_none());
    let next = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    assert_eq!((next.rotation, auth_time(&next)), (1, auth_time(&session)));
}

#[actix_web::test]
async fn only_listed_audiences_can_be_requested() {
    let app = TestApp::with(&["--audiences", "api,reports"]).await;
    let session = app.register("ann").await;
    let call = |audience: &str| {
        let body = json!({"password": PASSWORD, "audience": audience});
        app.post("/auth/reauthenticate").cookie(&session.refresh_token).json(&body).send()
    };
    let response = call("reports").await.assert_status(200);
    assert_eq!(claims(response.json()["access_token"].as_str().unwrap())["aud"], json!("reports"));
    call("others").await.assert_problem(422, "invalid_input");
}
