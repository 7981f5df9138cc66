use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use serde_json::json;

use crate::app::{Session, TestApp};
use test_support::COOKIE_NAME;

#[actix_web::test]
async fn a_logout_ends_the_session_and_clears_the_cookie() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let answer = app.post("/auth/logout").cookie(&session.refresh_token).send().await.assert_status(204);
    assert!(answer.clears_cookie());
    app.refresh(&session.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn any_generation_logs_out() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.advance(TimeDelta::hours(1));
    app.post("/auth/logout").cookie(&first.refresh_token).send().await.assert_status(204);
    app.refresh(&second.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn everything_that_is_presented_is_logged_out() {
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
async fn a_logout_with_nothing_to_end_succeeds() {
    let app = TestApp::start().await;
    assert!(app.post("/auth/logout").send().await.assert_status(204).clears_cookie());
    assert!(app.post("/auth/logout").cookie("not.a.token").send().await.assert_status(204).clears_cookie());
}

#[actix_web::test]
async fn logout_all_ends_every_session_of_the_person_and_of_nobody_else() {
    let app = TestApp::start().await;
    let phone = app.register("ann").await;
    let desk = app.log_in("ann").await;
    let other = app.register("bob").await;

    let answer = app.post("/auth/logout-all").cookie(&desk.refresh_token).send().await.assert_status(204);
    assert!(answer.clears_cookie());

    // A login that read the person before this must not open a session after it.
    let versions = "SELECT CAST(version AS TEXT) AS value FROM users ORDER BY email";
    assert_eq!(app.database.db_texts(versions), ["2", "1"]);
    app.refresh(&phone.refresh_token).await.assert_ended("logged_out");
    app.refresh(&desk.refresh_token).await.assert_ended("logged_out");
    app.refresh(&other.refresh_token).await.assert_status(200);
    let stale = app.get("/auth/me").bearer(&phone.access_token).send().await;
    stale.assert_ended("logged_out");
}

#[actix_web::test]
async fn logout_all_wants_a_session() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let answer = app.post("/auth/logout-all").send().await.assert_problem(401, "missing_token");
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="latchkey""#));
    let answer = app.post("/auth/logout-all").bearer(&session.access_token).send().await;
    answer.assert_problem(401, "invalid_token");
    app.refresh(&session.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_logout_without_a_database_keeps_the_cookie() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.database.db_execute("ALTER TABLE sessions RENAME TO gone");
    let answer = app.post("/auth/logout").cookie(&session.refresh_token).send().await;
    let answer = answer.assert_problem(503, "unavailable");
    assert!(answer.set_cookie().is_none() && answer.header("retry-after").is_some());

    app.database.db_execute("ALTER TABLE gone RENAME TO sessions");
    app.post("/auth/logout")
        .header("cookie", &format!("{COOKIE_NAME}={}", session.refresh_token))
        .send()
        .await
        .assert_status(204);
}

#[actix_web::test]
async fn a_logout_waits_for_those_who_refresh() {
    let app = TestApp::with(&["--workers", "2"]).await;
    app.register("ann").await;
    let mut busy = Vec::new();
    for _ in 0..8 {
        busy.push(app.log_in("ann").await.refresh_token);
    }
    let mut leaving = Vec::new();
    for _ in 0..16 {
        leaving.push(app.log_in("ann").await.refresh_token);
    }
    let refreshing = join_all(busy.into_iter().map(async |mut token| {
        for _ in 0..10 {
            token = Session::of(&app.refresh(&token).await.assert_status(200)).refresh_token;
        }
    }));
    let logging_out = join_all(leaving.iter().map(|token| app.post("/auth/logout").cookie(token).send()));
    let (_, answers) = join(refreshing, logging_out).await;
    for answer in answers {
        answer.assert_status(204);
    }
}
