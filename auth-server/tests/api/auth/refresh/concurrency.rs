use std::collections::BTreeSet;

use awc::http::Method;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use crate::app::{PASSWORD, Session, TestApp};

#[actix_web::test]
async fn of_32_concurrent_refreshes_all_succeed_with_one_rotation() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let first = app.register("ann").await;

    let answers = join_all((0..32).map(|_| app.refresh(&first.refresh_token))).await;

    let sessions: Vec<Session> =
        answers.into_iter().map(|answer| Session::of(&answer.assert_status(200))).collect();
    let rotations: BTreeSet<u64> = sessions.iter().map(|session| session.rotation).collect();
    assert_eq!(rotations, BTreeSet::from([1]));
    assert_eq!(app.database.db_text("SELECT CAST(generation AS TEXT) AS value FROM sessions"), "1");

    // Whichever of them a tab kept, it goes on.
    let second = Session::of(&app.refresh(&sessions[31].refresh_token).await.assert_status(200));
    assert_eq!(second.rotation, 2);
}

#[actix_web::test]
async fn after_the_grace_32_concurrent_thieves_end_the_session_for_good() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.advance(TimeDelta::seconds(11));

    for answer in join_all((0..32).map(|_| app.refresh(&first.refresh_token))).await {
        assert!(answer.assert_ended("reuse_detected").clears_cookie());
    }
    let app = app.restart().await;
    app.refresh(&second.refresh_token).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn redeliveries_are_counted_under_concurrency_too() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let first = app.register("ann").await;
    let key = "0123456789abcdefghijklmnop";
    app.refresh_with_key(&first.refresh_token, key).await.assert_status(200);
    app.advance(TimeDelta::hours(1));

    let answers = join_all((0..16).map(|_| app.refresh_with_key(&first.refresh_token, key))).await;
    let redelivered = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(redelivered, 5);
}

#[actix_web::test]
async fn refreshes_stay_possible_while_a_crowd_logs_in() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let session = app.register("ann").await;
    let no_more = json!({});
    let logins = join_all((0..60).map(|_| app.try_login("ann", &no_more)));
    let refresh = app.refresh(&session.refresh_token);
    let (logins, refresh) = futures_util::future::join(logins, refresh).await;
    refresh.assert_status(200);
    for login in logins {
        login.assert_status(200);
    }
}

#[actix_web::test]
async fn those_who_wait_to_write_keep_nobody_from_reading() {
    let app = TestApp::with(&["--workers", "2"]).await;
    if app.database.is_postgres() {
        // It locks rows, so that nobody keeps everybody waiting.
        return;
    }
    let session = app.register("ann").await;
    let foreign = app.database.db_begin("UPDATE users SET name = 'Anne'");
    let refreshes = join_all((0..20).map(|_| app.refresh(&session.refresh_token)));
    let read = async {
        // Until all of them, twice as many as there are connections, have come to the database.
        actix_web::rt::time::sleep(std::time::Duration::from_millis(300)).await;
        let read = app.me(&session.refresh_token).await;
        foreign.commit();
        read
    };
    let (refreshes, read) = futures_util::future::join(refreshes, read).await;
    read.assert_status(200);
    for refresh in refreshes {
        refresh.assert_status(200);
    }
}

#[actix_web::test]
async fn the_password_that_finds_no_place_in_the_queue_is_told_to_come_back() {
    // A hash of half a second or more: the queue stays full while we look.
    let app =
        TestApp::with(&["--argon2-memory-kib", "65536", "--argon2-iterations", "8", "--workers", "2"]).await;
    // Of many: the attempts of one account wait for each other before.
    let flood = join_all((0..150).map(|number| {
        let body = json!({"email": format!("nobody{number}@example.org"), "password": PASSWORD});
        let call = app.call(Method::POST, "/auth/login").json(&body);
        async move {
            let answered = call.send();
            // Those that wait are hung up on: only who is refused at once is of interest.
            actix_web::rt::time::timeout(std::time::Duration::from_secs(2), answered).await.ok()
        }
    }));
    let refused: Vec<_> = flood.await.into_iter().flatten().filter(|answer| answer.status == 503).collect();
    // 64 wait, and as many as there are cores are being hashed.
    assert!(refused.len() >= 50, "{}", refused.len());
    for answer in refused {
        let answer = answer.assert_problem(503, "unavailable");
        assert!(answer.header("retry-after").is_some());
    }
}
