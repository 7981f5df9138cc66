use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use serde_json::json;

use crate::app::{PASSWORD, Session, TestApp};
use test_support::COOKIE_NAME;

#[actix_web::test]
async fn a_logout_ends_the_session_and_clears_the_cookie() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let response = app.post("/auth/logout").cookie(&session.refresh_token).send().await.assert_status(204);
    assert!(response.clears_cookie());
    app.refresh(&session.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn a_token_of_any_generation_logs_out() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.advance(TimeDelta::hours(1));
    app.post("/auth/logout").cookie(&first.refresh_token).send().await.assert_status(204);
    app.refresh(&second.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn a_logout_ends_every_session_that_the_request_presents() {
    let app = TestApp::start().await;
    let by_cookie = app.register("ann").await.refresh_token;
    let in_body = app.try_login("ann", &json!({"token_delivery": "body"})).await.json();
    let in_body = in_body["refresh_token"].as_str().unwrap();
    let in_header = app.try_login("ann", &json!({"token_delivery": "body"})).await.json();
    let in_header = in_header["refresh_token"].as_str().unwrap();

    let call = app
        .post("/auth/logout")
        .cookie(&by_cookie)
        .bearer(in_header)
        .json(&json!({"refresh_token": in_body}));
    call.send().await.assert_status(204);

    app.refresh(&by_cookie).await.assert_ended("logged_out");
    for token in [in_body, in_header] {
        app.post("/auth/refresh")
            .json(&json!({"refresh_token": token}))
            .send()
            .await
            .assert_ended("logged_out");
    }
}

#[actix_web::test]
async fn a_logout_or_login_with_more_than_ten_refresh_cookies_is_rejected() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let cookies = |count| vec![format!("{COOKIE_NAME}={}", session.refresh_token); count].join("; ");
    let credentials = json!({"email": "ann@example.org", "password": PASSWORD});
    let log_in = app.post("/auth/login").header("cookie", &cookies(11)).json(&credentials);
    log_in.send().await.assert_problem(400, "malformed_request");
    let log_out = async |count| app.post("/auth/logout").header("cookie", &cookies(count)).send().await;
    log_out(11).await.assert_problem(400, "malformed_request");
    app.me(&session.refresh_token).await.assert_status(200);
    log_out(10).await.assert_status(204);
    app.refresh(&session.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn a_logout_without_a_session_succeeds() {
    let app = TestApp::start().await;
    assert!(app.post("/auth/logout").send().await.assert_status(204).clears_cookie());
    assert!(app.post("/auth/logout").cookie("not.a.token").send().await.assert_status(204).clears_cookie());
}

#[actix_web::test]
async fn logout_all_ends_every_session_of_the_user_and_no_others() {
    let app = TestApp::start().await;
    let phone = app.register("ann").await;
    let desk = app.log_in("ann").await;
    let other = app.register("bob").await;

    let response = app.post("/auth/logout-all").cookie(&desk.refresh_token).send().await.assert_status(204);
    assert!(response.clears_cookie());

    // The version changes, so that a login that read the user earlier cannot create a session.
    let versions = "SELECT CAST(version AS TEXT) AS value FROM users ORDER BY email";
    assert_eq!(app.database.db_texts(versions), ["2", "1"]);
    app.refresh(&phone.refresh_token).await.assert_ended("logged_out");
    app.refresh(&desk.refresh_token).await.assert_ended("logged_out");
    app.refresh(&other.refresh_token).await.assert_status(200);
    let stale = app.get("/auth/me").bearer(&phone.access_token).send().await;
    stale.assert_ended("logged_out");
}

#[actix_web::test]
async fn logout_all_requires_a_recent_login() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let log_out = |session: &Session| app.post("/auth/logout-all").cookie(&session.refresh_token).send();
    app.advance(TimeDelta::seconds(301));
    let response = log_out(&session).await.assert_problem(403, "fresh_login_required");
    assert!(response.json()["max_age"] == json!(300) && response.set_cookie().is_none());
    let other = app.log_in("ann").await;
    app.refresh(&session.refresh_token).await.assert_status(200);
    app.advance(TimeDelta::seconds(300));
    log_out(&other).await.assert_status(204);
    app.refresh(&session.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn logout_all_requires_a_session() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let response = app.post("/auth/logout-all").send().await.assert_problem(401, "missing_token");
    assert_eq!(response.header("www-authenticate"), Some(r#"Bearer realm="latchkey""#));
    let response = app.post("/auth/logout-all").bearer(&session.access_token).send().await;
    response.assert_problem(401, "invalid_token");
    app.refresh(&session.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_logout_without_a_database_keeps_the_cookie() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.database.db_execute("ALTER TABLE sessions RENAME TO gone");
    let response = app.post("/auth/logout").cookie(&session.refresh_token).send().await;
    let response = response.assert_problem(503, "unavailable");
    assert!(response.set_cookie().is_none() && response.header("retry-after").is_some());

    app.database.db_execute("ALTER TABLE gone RENAME TO sessions");
    app.post("/auth/logout")
        .header("cookie", &format!("{COOKIE_NAME}={}", session.refresh_token))
        .send()
        .await
        .assert_status(204);
}

#[actix_web::test]
async fn logouts_succeed_while_other_sessions_refresh() {
    let app = TestApp::with(&["--workers", "2"]).await;
    app.register("ann").await;
    let mut busy = Vec::new();
    for _ in 0..8 {
        busy.push(app.log_in("ann").await.refresh_token);
    }
    let mut ending = Vec::new();
    for _ in 0..16 {
        ending.push(app.log_in("ann").await.refresh_token);
    }
    let refreshing = join_all(busy.into_iter().map(async |mut token| {
        for _ in 0..10 {
            token = Session::of(&app.refresh(&token).await.assert_status(200)).refresh_token;
        }
    }));
    let logging_out = join_all(ending.iter().map(|token| app.post("/auth/logout").cookie(token).send()));
    let (_, responses) = join(refreshing, logging_out).await;
    for response in responses {
        response.assert_status(204);
    }
}
