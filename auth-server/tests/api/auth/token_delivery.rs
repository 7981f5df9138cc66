use serde_json::json;

use crate::app::{Session, TestApp};

#[actix_web::test]
async fn in_the_body_both_tokens_come_and_no_cookie() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let answer = app.try_login("ann", &json!({"token_delivery": "body"})).await.assert_status(200);
    assert!(answer.set_cookie().is_none());
    let token = answer.json()["refresh_token"].as_str().unwrap().to_owned();

    let answer =
        app.post("/auth/refresh").json(&json!({"refresh_token": token})).send().await.assert_status(200);
    assert!(answer.set_cookie().is_none());
    assert_eq!(answer.json()["rotation"], json!(1));
    assert!(answer.json()["refresh_token"].is_string());
}

#[actix_web::test]
async fn by_cookie_the_refresh_token_is_never_in_the_body() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let answer = app.try_login("ann", &json!({})).await.assert_status(200);
    let token = Session::of(&answer).refresh_token;
    assert!(!answer.text().contains(&token) && answer.json().get("refresh_token").is_none());

    let answer = app.refresh(&token).await.assert_status(200);
    assert!(answer.json().get("refresh_token").is_none());
}

#[actix_web::test]
async fn delivery_cannot_be_changed_at_refresh() {
    let app = TestApp::start().await;
    let by_cookie = app.register("ann").await.refresh_token;
    let answer = app.try_login("ann", &json!({"token_delivery": "body"})).await.assert_status(200);
    let in_body = answer.json()["refresh_token"].as_str().unwrap().to_owned();

    let answer = app.post("/auth/refresh").json(&json!({"refresh_token": by_cookie})).send().await;
    answer.assert_problem(400, "malformed_request");
    let answer = app.refresh(&in_body).await.assert_problem(400, "malformed_request");
    assert!(answer.set_cookie().is_none());

    // Nothing was spent by it.
    assert_eq!(Session::of(&app.refresh(&by_cookie).await.assert_status(200)).rotation, 1);
    let answer = app.post("/auth/refresh").json(&json!({"refresh_token": in_body})).send().await;
    assert_eq!(answer.assert_status(200).json()["rotation"], json!(1));

    // Nor within the grace.
    app.post("/auth/refresh")
        .json(&json!({"refresh_token": by_cookie}))
        .send()
        .await
        .assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn a_spent_token_is_reuse_however_it_comes() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.advance(chrono::TimeDelta::seconds(11));

    let stolen = json!({"refresh_token": first.refresh_token});
    app.post("/auth/refresh").json(&stolen).send().await.assert_ended("reuse_detected");
    app.refresh(&second.refresh_token).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn a_bearer_refresh_token_counts_as_in_the_body() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let answer = app.try_login("ann", &json!({"token_delivery": "body"})).await.assert_status(200);
    let token = answer.json()["refresh_token"].as_str().unwrap().to_owned();

    app.get("/auth/me").bearer(&token).send().await.assert_status(200);
    let answer = app.post("/auth/refresh").bearer(&token).send().await.assert_status(200);
    assert!(answer.json()["refresh_token"].is_string());
}

#[actix_web::test]
async fn a_login_for_the_body_clears_the_cookie_and_ends_its_session() {
    let app = TestApp::start().await;
    let old = app.register("ann").await;
    let wanted =
        json!({"email": "ann@example.org", "password": crate::app::PASSWORD, "token_delivery": "body"});
    let answer =
        app.post("/auth/login").cookie(&old.refresh_token).json(&wanted).send().await.assert_status(200);
    assert!(answer.clears_cookie());
    app.refresh(&old.refresh_token).await.assert_ended("logged_out");
}
