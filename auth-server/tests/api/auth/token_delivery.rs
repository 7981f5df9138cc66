use serde_json::json;

use crate::app::{Session, TestApp};

#[actix_web::test]
async fn body_delivery_returns_both_tokens_and_sets_no_cookie() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let response = app.try_login("ann", &json!({"token_delivery": "body"})).await.assert_status(200);
    assert!(response.set_cookie().is_none());
    let token = response.json()["refresh_token"].as_str().unwrap().to_owned();

    let response =
        app.post("/auth/refresh").json(&json!({"refresh_token": token})).send().await.assert_status(200);
    assert!(response.set_cookie().is_none());
    assert_eq!(response.json()["rotation"], json!(1));
    assert!(response.json()["refresh_token"].is_string());
}

#[actix_web::test]
async fn cookie_delivery_never_puts_the_refresh_token_in_the_body() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let response = app.try_login("ann", &json!({})).await.assert_status(200);
    let token = Session::of(&response).refresh_token;
    assert!(!response.text().contains(&token) && response.json().get("refresh_token").is_none());

    let response = app.refresh(&token).await.assert_status(200);
    assert!(response.json().get("refresh_token").is_none());
}

#[actix_web::test]
async fn a_refresh_cannot_change_the_delivery() {
    let app = TestApp::start().await;
    let by_cookie = app.register("ann").await.refresh_token;
    let response = app.try_login("ann", &json!({"token_delivery": "body"})).await.assert_status(200);
    let in_body = response.json()["refresh_token"].as_str().unwrap().to_owned();

    let response = app.post("/auth/refresh").json(&json!({"refresh_token": by_cookie})).send().await;
    response.assert_problem(400, "malformed_request");
    let response = app.refresh(&in_body).await.assert_problem(400, "malformed_request");
    assert!(response.set_cookie().is_none());

    // Neither token was spent.
    assert_eq!(Session::of(&app.refresh(&by_cookie).await.assert_status(200)).rotation, 1);
    let response = app.post("/auth/refresh").json(&json!({"refresh_token": in_body})).send().await;
    assert_eq!(response.assert_status(200).json()["rotation"], json!(1));

    // The delivery cannot be changed within the grace either.
    app.post("/auth/refresh")
        .json(&json!({"refresh_token": by_cookie}))
        .send()
        .await
        .assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn a_spent_token_is_reuse_in_any_transport() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.advance(chrono::TimeDelta::seconds(11));

    let stolen = json!({"refresh_token": first.refresh_token});
    app.post("/auth/refresh").json(&stolen).send().await.assert_ended("reuse_detected");
    app.refresh(&second.refresh_token).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn a_bearer_refresh_token_is_treated_like_one_in_the_body() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let response = app.try_login("ann", &json!({"token_delivery": "body"})).await.assert_status(200);
    let token = response.json()["refresh_token"].as_str().unwrap().to_owned();

    app.get("/auth/me").bearer(&token).send().await.assert_status(200);
    let response = app.post("/auth/refresh").bearer(&token).send().await.assert_status(200);
    assert!(response.json()["refresh_token"].is_string());
}

#[actix_web::test]
async fn a_login_with_body_delivery_clears_the_cookie_and_ends_its_session() {
    let app = TestApp::start().await;
    let old = app.register("ann").await;
    let body =
        json!({"email": "ann@example.org", "password": crate::app::PASSWORD, "token_delivery": "body"});
    let response =
        app.post("/auth/login").cookie(&old.refresh_token).json(&body).send().await.assert_status(200);
    assert!(response.clears_cookie());
    app.refresh(&old.refresh_token).await.assert_ended("logged_out");
}
