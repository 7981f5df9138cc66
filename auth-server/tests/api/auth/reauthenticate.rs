use chrono::TimeDelta;
use serde_json::json;

use crate::app::{PASSWORD, Session, TestApp, claims};

#[actix_web::test]
async fn a_password_given_once_more_makes_the_access_token_fresh_and_nothing_else() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::minutes(10));

    let body = json!({"password": PASSWORD});
    let call = || app.post("/auth/reauthenticate").cookie(&session.refresh_token).json(&body).send();
    let answer = call().await.assert_status(200);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();

    let before = claims(&session.access_token)["auth_time"].as_i64().unwrap();
    assert_eq!(claims(&token)["auth_time"], json!(before + 600));
    assert!(answer.set_cookie().is_none());
    assert_eq!((&answer.json()["refresh_token"], &answer.json()["rotation"]), (&json!(null), &json!(0)));
    // The same refresh token goes on, and what it brings is as fresh.
    let next = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    assert_eq!((next.rotation, &claims(&next.access_token)["auth_time"]), (1, &json!(before + 600)));
}

#[actix_web::test]
async fn a_wrong_password_ends_nothing_and_makes_nothing_fresh() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::minutes(10));
    let wrong =
        app.post("/auth/reauthenticate").cookie(&session.refresh_token).json(&json!({"password": "no"}));
    let answer = wrong.send().await.assert_problem(401, "invalid_credentials");
    assert!(answer.set_cookie().is_none());
    let next = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    assert_eq!(claims(&next.access_token)["auth_time"], claims(&session.access_token)["auth_time"]);
}

#[actix_web::test]
async fn only_a_listed_audience_can_be_asked_for() {
    let app = TestApp::with(&["--audiences", "api,reports"]).await;
    let session = app.register("ann").await;
    let call = |audience: &str| {
        let body = json!({"password": PASSWORD, "audience": audience});
        app.post("/auth/reauthenticate").cookie(&session.refresh_token).json(&body).send()
    };
    let answer = call("reports").await.assert_status(200);
    assert_eq!(claims(answer.json()["access_token"].as_str().unwrap())["aud"], json!("reports"));
    call("others").await.assert_problem(422, "invalid_input");
}
