use chrono::TimeDelta;
use serde_json::json;

use crate::app::{PASSWORD, Session, TestApp, claims};

#[actix_web::test]
async fn reauthentication_issues_a_fresh_access_token_and_rotates_nothing() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::minutes(10));

    let body = json!({"password": PASSWORD});
    let call = || app.post("/auth/reauthenticate").cookie(&session.refresh_token).json(&body).send();
    let response = call().await.assert_status(200);
    let token = response.json()["access_token"].as_str().unwrap().to_owned();

    let before = claims(&session.access_token)["auth_time"].as_i64().unwrap();
    assert_eq!(claims(&token)["auth_time"], json!(before + 600));
    assert!(response.set_cookie().is_none());
    assert_eq!((&response.json()["refresh_token"], &response.json()["rotation"]), (&json!(null), &json!(0)));
    // The refresh token stays valid, and the access token that it returns is as fresh.
    let next = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    assert_eq!((next.rotation, &claims(&next.access_token)["auth_time"]), (1, &json!(before + 600)));
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
    assert_eq!(claims(&next.access_token)["auth_time"], claims(&session.access_token)["auth_time"]);
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
