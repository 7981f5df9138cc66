use chrono::TimeDelta;
use serde_json::json;

use crate::app::{ISSUER, PASSWORD, TestApp, claims};

#[actix_web::test]
async fn a_login_returns_tokens_and_the_user() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let response = app.try_login("Ann", &json!({})).await.assert_status(200);
    let body = response.json();
    assert_eq!(body["token_type"], json!("Bearer"));
    assert_eq!(body["expires_in"], json!(900));
    assert_eq!(body["rotation"], json!(0));
    assert_eq!(body["user"]["email"], json!("ann@example.org"));
    assert_eq!(body["user"]["roles"], json!([]));
    assert_eq!(response.header("cache-control"), Some("no-store"));
}

#[actix_web::test]
async fn an_access_token_has_the_documented_claims() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let claims = claims(&session.access_token);
    let mut names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = [
        "acr",
        "amr",
        "aud",
        "auth_time",
        "client_id",
        "exp",
        "iat",
        "iss",
        "jti",
        "name",
        "roles",
        "sid",
        "sub",
        "type",
        "uv",
    ];
    assert_eq!(names, expected);
    assert_eq!(claims["iss"], json!(ISSUER));
    assert_eq!(
        (&claims["aud"], &claims["client_id"], &claims["type"]),
        (&json!("api"), &json!("web"), &json!("access"))
    );
    assert_eq!(
        (&claims["name"], &claims["amr"], &claims["acr"], &claims["uv"]),
        (&json!("there"), &json!(["pwd"]), &json!("1fa"), &json!(1))
    );
    assert_eq!(claims["sub"], json!(session.user_id));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
}

#[actix_web::test]
async fn wrong_passwords_unknown_users_and_disabled_users_get_the_same_response() {
    let app = TestApp::start().await;
    app.register("ann").await;
    app.register("bob").await;
    app.database.db_execute("UPDATE users SET disabled_at = created_at WHERE email = 'bob@example.org'");

    let wrong =
        app.try_login("ann", &json!({"password": "wrong"})).await.assert_problem(401, "invalid_credentials");
    let unknown = app.try_login("eve", &json!({})).await.assert_problem(401, "invalid_credentials");
    let disabled = app.try_login("bob", &json!({})).await.assert_problem(401, "invalid_credentials");
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(wrong.body, disabled.body);
    assert!(wrong.set_cookie().is_none());
}

#[actix_web::test]
async fn users_can_log_in_by_username() {
    let app = TestApp::start().await;
    let user = json!({"email": "ann@example.org", "username": "Ann_1", "name": "Ann", "password": PASSWORD});
    app.post("/auth/register").json(&user).send().await.assert_status(201);

    let response =
        app.post("/auth/login").json(&json!({"username": "ann_1", "password": PASSWORD})).send().await;
    assert_eq!(response.assert_status(200).json()["user"]["name"], json!("Ann"));
    let both = json!({"username": "ann_1", "email": "ann@example.org", "password": PASSWORD});
    app.post("/auth/login").json(&both).send().await.assert_problem(422, "invalid_input");
}

#[actix_web::test]
async fn a_login_ends_the_session_that_it_presents() {
    let app = TestApp::start().await;
    let old = app.register("ann").await;
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    app.post("/auth/login").cookie(&old.refresh_token).json(&body).send().await.assert_status(200);
    app.refresh(&old.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn a_failed_login_keeps_the_presented_session() {
    let app = TestApp::start().await;
    let old = app.register("ann").await;
    let body = json!({"email": "ann@example.org", "password": "wrong"});
    let response = app.post("/auth/login").cookie(&old.refresh_token).json(&body).send().await;
    assert!(response.assert_problem(401, "invalid_credentials").set_cookie().is_none());
    app.refresh(&old.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn too_many_attempts_from_one_address_get_429() {
    let app = TestApp::with(&["--login-rate-per-ip", "3"]).await;
    app.register("ann").await;
    for _ in 0..2 {
        app.try_login("ann", &json!({"password": "wrong"})).await.assert_problem(401, "invalid_credentials");
    }

    let response = app.try_login("ann", &json!({})).await.assert_problem(429, "too_many_requests");
    let wait: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=21).contains(&wait), "{wait}");
    assert_eq!(response.json()["retry_after"], json!(wait));
}

#[actix_web::test]
async fn a_login_can_request_any_listed_audience() {
    let app = TestApp::with(&["--audiences", "api,reports"]).await;
    app.register("ann").await;
    let response = app.try_login("ann", &json!({"audience": "reports"})).await.assert_status(200);
    assert_eq!(claims(response.json()["access_token"].as_str().unwrap())["aud"], json!("reports"));
    app.try_login("ann", &json!({"audience": "other"})).await.assert_problem(422, "invalid_input");
}

#[actix_web::test]
async fn a_refresh_keeps_auth_time() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::hours(1));
    let response = app.refresh(&session.refresh_token).await.assert_status(200);
    let later = claims(response.json()["access_token"].as_str().unwrap());
    assert_eq!(later["auth_time"], claims(&session.access_token)["auth_time"]);
    assert_eq!(later["iat"].as_i64().unwrap() - later["auth_time"].as_i64().unwrap(), 3600);
}
