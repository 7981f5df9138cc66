use awc::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{Session, TestApp, claims};

#[actix_web::test]
async fn one_sees_oneself_by_session_and_by_access_token() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let by_session = app.me(&session.refresh_token).await.assert_status(200);
    let by_token = app.get("/auth/me").bearer(&session.access_token).send().await.assert_status(200);
    assert_eq!(by_session.json(), by_token.json());
    assert_eq!(by_session.json()["email"], json!("ann@example.org"));
}

#[actix_web::test]
async fn reading_spends_nothing() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    for _ in 0..3 {
        app.me(&session.refresh_token).await.assert_status(200);
    }
    assert_eq!(Session::of(&app.refresh(&session.refresh_token).await.assert_status(200)).rotation, 1);
}

#[actix_web::test]
async fn an_access_token_is_held_to_what_the_database_says_now() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let me = || app.get("/auth/me").bearer(&session.access_token).send();

    app.database.db_execute("UPDATE users SET version = version + 1");
    me().await.assert_problem(401, "token_stale");

    app.post("/auth/logout").cookie(&session.refresh_token).send().await.assert_status(204);
    me().await.assert_ended("logged_out");

    app.advance(TimeDelta::minutes(16));
    let answer = me().await.assert_problem(401, "token_expired");
    assert!(answer.header("www-authenticate").unwrap().contains(r#"error="invalid_token""#));
}

#[actix_web::test]
async fn where_an_authorization_header_is_present_cookies_are_not_looked_at() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let call = || app.get("/auth/me").cookie(&session.refresh_token);
    call().bearer("not.a.token").send().await.assert_problem(401, "invalid_token");
    call().header("authorization", "Basic YTpi").send().await.assert_problem(401, "missing_token");
    call().bearer("a").bearer("b").send().await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn names_can_be_changed() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let change = |body| app.call(Method::PATCH, "/auth/me").cookie(&session.refresh_token).json(&body).send();

    let answer = change(json!({"name": " Ann ", "username": "ANN"})).await.assert_status(200);
    assert_eq!((&answer.json()["name"], &answer.json()["username"]), (&json!("Ann"), &json!("ann")));
    let answer = change(json!({"name": "Annie"})).await.assert_status(200);
    assert_eq!((&answer.json()["name"], &answer.json()["username"]), (&json!("Annie"), &json!("ann")));
    change(json!({})).await.assert_status(200);

    let next = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    assert_eq!(claims(&next.access_token)["name"], json!("Annie"));

    change(json!({"name": ""})).await.assert_problem(422, "invalid_input");
    change(json!({"roles": ["admin"]})).await.assert_problem(422, "invalid_input");
    change(json!({"name": 5})).await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn a_taken_username_stays_its_owners() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    let bob = app.register("bob").await;
    let change = |token: &str| {
        app.call(Method::PATCH, "/auth/me").cookie(token).json(&json!({"username": "x"})).send()
    };
    change(&ann.refresh_token).await.assert_status(200);
    change(&bob.refresh_token).await.assert_problem(422, "invalid_input");
}

#[actix_web::test]
async fn an_access_token_changes_nothing() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let call = app.call(Method::PATCH, "/auth/me").bearer(&session.access_token).json(&json!({"name": "x"}));
    call.send().await.assert_problem(401, "invalid_token");
}

/// Only whoever asks for a username learns something: whether somebody has it.
#[actix_web::test]
async fn usernames_are_tried_no_faster_than_passwords_and_names_change_freely() {
    let app = TestApp::with(&["--login-rate-per-ip", "2"]).await;
    let ann = app.register("ann").await;
    let patch =
        |body: Value| app.call(Method::PATCH, "/auth/me").cookie(&ann.refresh_token).json(&body).send();
    for number in 0..5 {
        patch(json!({"name": format!("Ann {number}")})).await.assert_status(200);
    }
    patch(json!({"username": "ann"})).await.assert_status(200);
    patch(json!({"username": "anna"})).await.assert_problem(429, "too_many_requests");
    patch(json!({"name": "Ann"})).await.assert_status(200);
}
