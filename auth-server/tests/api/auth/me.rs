use awc::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{Session, TestApp, claims};

#[actix_web::test]
async fn the_user_is_returned_for_a_session_and_for_an_access_token() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let by_session = app.me(&session.refresh_token).await.assert_status(200);
    let by_token = app.get("/auth/me").bearer(&session.access_token).send().await.assert_status(200);
    assert_eq!(by_session.json(), by_token.json());
    assert_eq!(by_session.json()["email"], json!("ann@example.org"));
}

#[actix_web::test]
async fn reading_does_not_spend_the_refresh_token() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    for _ in 0..3 {
        app.me(&session.refresh_token).await.assert_status(200);
    }
    assert_eq!(Session::of(&app.refresh(&session.refresh_token).await.assert_status(200)).rotation, 1);
}

#[actix_web::test]
async fn an_access_token_is_checked_against_the_database() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let me = || app.get("/auth/me").bearer(&session.access_token).send();

    app.database.db_execute("UPDATE users SET version = version + 1");
    me().await.assert_problem(401, "token_stale");

    app.post("/auth/logout").cookie(&session.refresh_token).send().await.assert_status(204);
    me().await.assert_ended("logged_out");

    app.advance(TimeDelta::minutes(16));
    let response = me().await.assert_problem(401, "token_expired");
    assert!(response.header("www-authenticate").unwrap().contains(r#"error="invalid_token""#));
}

#[actix_web::test]
async fn cookies_are_ignored_if_there_is_a_bearer_token() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let call = || app.get("/auth/me").cookie(&session.refresh_token);
    call().bearer("not.a.token").send().await.assert_problem(401, "invalid_token");
    call().bearer("a").bearer("b").send().await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn names_can_be_changed() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let change = |body| app.call(Method::PATCH, "/auth/me").cookie(&session.refresh_token).json(&body).send();

    let response = change(json!({"name": " Ann ", "username": "ANN"})).await.assert_status(200);
    assert_eq!((&response.json()["name"], &response.json()["username"]), (&json!("Ann"), &json!("ann")));
    let response = change(json!({"name": "Annie"})).await.assert_status(200);
    assert_eq!((&response.json()["name"], &response.json()["username"]), (&json!("Annie"), &json!("ann")));
    change(json!({})).await.assert_status(200);

    let next = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    assert_eq!(claims(&next.access_token)["name"], json!("Annie"));

    change(json!({"name": ""})).await.assert_problem(422, "invalid_input");
    change(json!({"roles": ["admin"]})).await.assert_problem(422, "invalid_input");
    change(json!({"name": 5})).await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn the_language_of_mails_can_be_chosen() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let change = |body| app.call(Method::PATCH, "/auth/me").cookie(&session.refresh_token).json(&body).send();
    assert_eq!(app.me(&session.refresh_token).await.json()["locale"], Value::Null);
    for (sent, stored) in [("de", "de"), ("de-AT", "de-at"), (" EN ", "en")] {
        let response = change(json!({"locale": sent})).await.assert_status(200);
        assert_eq!(response.json()["locale"], stored);
    }
    change(json!({"name": "Ann"})).await.assert_status(200);
    assert_eq!(app.me(&session.refresh_token).await.json()["locale"], "en");
    for (locale, reason) in [
        ("fr", "is not one of the languages of mails: de, en"),
        ("../de", "is not a language tag, such as `en` or `pt-BR`"),
    ] {
        let problem = change(json!({"locale": locale})).await.assert_problem(422, "invalid_input").json();
        assert_eq!(problem["fields"]["locale"], reason);
    }
}

/// Users log in with it.
#[actix_web::test]
async fn a_new_username_requires_a_recent_login() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let change = |body| app.call(Method::PATCH, "/auth/me").cookie(&session.refresh_token).json(&body).send();
    change(json!({"username": "ann"})).await.assert_status(200);
    app.advance(TimeDelta::seconds(301));
    let response = change(json!({"username": "anna"})).await.assert_problem(403, "fresh_login_required");
    assert_eq!(response.json()["max_age"], json!(300));
    let response = change(json!({"name": "Ann", "username": "Ann"})).await.assert_status(200);
    assert_eq!((&response.json()["name"], &response.json()["username"]), (&json!("Ann"), &json!("ann")));
}

#[actix_web::test]
async fn a_username_of_another_user_cannot_be_taken() {
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
async fn an_access_token_cannot_change_the_profile() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let call = app.call(Method::PATCH, "/auth/me").bearer(&session.access_token).json(&json!({"name": "x"}));
    call.send().await.assert_problem(401, "invalid_token");
}

/// A request for a username reveals whether it is taken, so it is limited; other changes reveal nothing.
#[actix_web::test]
async fn username_changes_are_limited_like_logins_and_name_changes_are_not() {
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
