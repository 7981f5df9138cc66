use chrono::TimeDelta;
use serde_json::json;

use crate::app::{Session, TestApp, claims};

#[actix_web::test]
async fn a_session_expires_after_seven_idle_days() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::days(7));
    let response = app.refresh(&session.refresh_token).await.assert_ended("expired");
    assert!(response.clears_cookie());
}

#[actix_web::test]
async fn a_token_of_a_server_whose_clock_was_ahead_does_not_end_the_session() {
    let app = TestApp::start().await;
    let (first, second) = (app.register("ann").await, app.log_in("ann").await);
    app.advance(TimeDelta::minutes(-2));
    let response = app.refresh(&first.refresh_token).await.assert_problem(503, "unavailable");
    assert!(response.set_cookie().is_none());
    app.post("/auth/logout").cookie(&second.refresh_token).send().await.assert_status(204);
    app.advance(TimeDelta::minutes(2));
    app.refresh(&first.refresh_token).await.assert_status(200);
    app.refresh(&second.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn the_idle_limit_slides_and_the_absolute_limit_never_does() {
    let app = TestApp::start().await;
    let mut session = app.register("ann").await;
    let ends_at = claims(&session.refresh_token)["exp"].clone();
    for _ in 0..4 {
        app.advance(TimeDelta::days(6));
        session = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
        assert_eq!(claims(&session.refresh_token)["exp"], ends_at);
    }
    app.advance(TimeDelta::days(6));
    app.refresh(&session.refresh_token).await.assert_ended("expired");
}

#[actix_web::test]
async fn an_access_token_never_outlives_its_session() {
    let app = TestApp::start().await;
    let mut session = app.register("ann").await;
    for _ in 0..4 {
        app.advance(TimeDelta::days(6));
        session = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    }
    app.advance(TimeDelta::days(6) - TimeDelta::minutes(5));
    let response = app.refresh(&session.refresh_token).await.assert_status(200);

    assert_eq!(response.json()["expires_in"], json!(300));
    let last = Session::of(&response);
    assert_eq!(claims(&last.access_token)["exp"], claims(&last.refresh_token)["exp"]);
}

#[actix_web::test]
async fn with_remember_the_cookie_lasts_as_long_as_the_session() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let response = app.try_login("ann", &json!({})).await.assert_status(200);
    let cookie = response.set_cookie().unwrap();
    assert!(cookie.contains("; Max-Age=2592000"), "{cookie}");
    for attribute in ["; HttpOnly", "; Secure", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));

    app.advance(TimeDelta::days(5));
    let cookie = app.refresh(&Session::of(&response).refresh_token).await.set_cookie().unwrap();
    assert!(cookie.contains("; Max-Age=2160000"), "{cookie}");
}

#[actix_web::test]
async fn without_remember_the_cookie_never_has_a_max_age() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let response = app.try_login("ann", &json!({"remember": false})).await.assert_status(200);
    assert!(!response.set_cookie().unwrap().contains("Max-Age"));

    let response = app.refresh(&Session::of(&response).refresh_token).await.assert_status(200);
    assert!(!response.set_cookie().unwrap().contains("Max-Age"));
}

#[actix_web::test]
async fn expired_sessions_are_purged() {
    let app = TestApp::start().await;
    app.register("ann").await;
    app.advance(TimeDelta::days(31));
    let recent = app.log_in("ann").await;

    // Maintenance runs at startup.
    let app = app.restart().await;
    let count = || app.database.db_text("SELECT CAST(COUNT(*) AS TEXT) AS value FROM sessions");
    for _ in 0..500 {
        if count() == "1" {
            break;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(count(), "1");
    app.refresh(&recent.refresh_token).await.assert_status(200);
}
