use chrono::TimeDelta;
use serde_json::json;

use crate::app::{Session, TestApp, claims};

#[actix_web::test]
async fn a_refresh_issues_the_next_generation() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    assert_eq!(first.rotation, 0);

    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    let third = Session::of(&app.refresh(&second.refresh_token).await.assert_status(200));

    assert_eq!((second.rotation, third.rotation), (1, 2));
    assert_eq!(claims(&third.refresh_token)["gen"], json!(2));
    assert_eq!(claims(&third.refresh_token)["sid"], claims(&first.refresh_token)["sid"]);
    assert_ne!(third.access_token, first.access_token);
}

#[actix_web::test]
async fn refreshing_adds_no_row() {
    let app = TestApp::start().await;
    let mut token = app.register("ann").await.refresh_token;
    for _ in 0..5 {
        token = Session::of(&app.refresh(&token).await.assert_status(200)).refresh_token;
    }
    assert_eq!(app.database.db_text("SELECT CAST(COUNT(*) AS TEXT) AS value FROM sessions"), "1");
    assert_eq!(app.database.db_text("SELECT CAST(generation AS TEXT) AS value FROM sessions"), "5");
}

#[actix_web::test]
async fn a_refresh_response_is_not_cacheable() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let response = app.refresh(&session.refresh_token).await.assert_status(200);
    assert_eq!(response.header("cache-control"), Some("no-store"));
}

#[actix_web::test]
async fn within_the_grace_a_spent_token_returns_the_same_successor() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));

    app.advance(TimeDelta::seconds(10));
    let again = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));

    assert_eq!(again.rotation, second.rotation);
    app.refresh(&second.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn the_grace_starts_at_the_rotation_and_is_never_extended() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    app.refresh(&first.refresh_token).await.assert_status(200);

    for _ in 0..2 {
        app.advance(TimeDelta::seconds(5));
        app.refresh(&first.refresh_token).await.assert_status(200);
    }
    app.advance(TimeDelta::milliseconds(1));
    app.refresh(&first.refresh_token).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn a_refresh_can_request_any_listed_audience() {
    let app = TestApp::with(&["--audiences", "api,reports"]).await;
    let session = app.register("ann").await;
    assert_eq!(claims(&session.access_token)["aud"], json!("api"));

    let refresh_for = |audience: &str| {
        app.post("/auth/refresh").cookie(&session.refresh_token).json(&json!({"audience": audience}))
    };
    let response = refresh_for("reports").send().await.assert_status(200);
    assert_eq!(claims(&Session::of(&response).access_token)["aud"], json!("reports"));

    let response = refresh_for("elsewhere").send().await.assert_problem(422, "invalid_input");
    assert!(response.json()["fields"]["audience"].is_string());
    assert!(response.set_cookie().is_none());
}

#[actix_web::test]
async fn changed_roles_and_claims_are_in_the_next_access_token() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.database
        .db_execute(r#"UPDATE users SET roles = '["editor"]', version = 2, claims = '{"plan":"pro"}'"#);

    let next = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));

    let claims = claims(&next.access_token);
    assert_eq!(
        (&claims["roles"], &claims["uv"], &claims["plan"]),
        (&json!(["editor"]), &json!(2), &json!("pro"))
    );
}

#[actix_web::test]
async fn a_disabled_user_gets_no_more_tokens() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.database.db_execute("UPDATE users SET disabled_at = created_at");

    app.me(&session.refresh_token).await.assert_ended("user_disabled");
    app.get("/auth/me").bearer(&session.access_token).send().await.assert_ended("user_disabled");
    app.refresh(&session.refresh_token).await.assert_ended("user_disabled");
    app.database.db_execute("UPDATE users SET disabled_at = NULL");
    app.refresh(&session.refresh_token).await.assert_ended("user_disabled");
    // This end is recorded like any other.
    let sid = claims(&session.refresh_token)["sid"].as_str().unwrap().to_owned();
    let events = app.database.db_texts("SELECT session_id AS value FROM events WHERE type = 'session_ended'");
    assert_eq!(events, [sid.as_str()]);
    assert_eq!(app.database.db_texts("SELECT subject AS value FROM revocations"), [sid]);
}
