use chrono::TimeDelta;
use serde_json::json;

use crate::app::{Session, TestApp, claims};

#[actix_web::test]
async fn a_session_that_is_idle_for_seven_days_is_over() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::days(7));
    let answer = app.refresh(&session.refresh_token).await.assert_ended("expired");
    assert!(answer.clears_cookie());
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
    let answer = app.refresh(&session.refresh_token).await.assert_status(200);

    assert_eq!(answer.json()["expires_in"], json!(300));
    let last = Session::of(&answer);
    assert_eq!(claims(&last.access_token)["exp"], claims(&last.refresh_token)["exp"]);
}

#[actix_web::test]
async fn a_cookie_that_is_to_be_remembered_lives_as_long_as_the_session() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let answer = app.try_login("ann", &json!({})).await.assert_status(200);
    let cookie = answer.set_cookie().unwrap();
    assert!(cookie.contains("; Max-Age=2592000"), "{cookie}");
    for attribute in ["; HttpOnly", "; Secure", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));

    app.advance(TimeDelta::days(5));
    let cookie = app.refresh(&Session::of(&answer).refresh_token).await.set_cookie().unwrap();
    assert!(cookie.contains("; Max-Age=2160000"), "{cookie}");
}

#[actix_web::test]
async fn a_cookie_that_is_not_to_be_remembered_has_no_max_age_ever() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let answer = app.try_login("ann", &json!({"remember": false})).await.assert_status(200);
    assert!(!answer.set_cookie().unwrap().contains("Max-Age"));

    let answer = app.refresh(&Session::of(&answer).refresh_token).await.assert_status(200);
    assert!(!answer.set_cookie().unwrap().contains("Max-Age"));
}

#[actix_web::test]
async fn expired_sessions_are_purged() {
    let app = TestApp::start().await;
    app.register("ann").await;
    app.advance(TimeDelta::days(31));
    let young = app.log_in("ann").await;

    // Housekeeping comes first after a start.
    let app = app.restart().await;
    let count = || app.database.db_text("SELECT CAST(COUNT(*) AS TEXT) AS value FROM sessions");
    for _ in 0..500 {
        if count() == "1" {
            break;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(count(), "1");
    app.refresh(&young.refresh_token).await.assert_status(200);
}
