use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::rt::time::{sleep, timeout};
use awc::http::Method;
use chrono::TimeDelta;
use futures_util::StreamExt as _;
use futures_util::future::{join_all, ready};
use futures_util::stream::FuturesUnordered;
use serde_json::json;

use crate::app::{PASSWORD, Session, TestApp};

#[actix_web::test]
async fn all_32_concurrent_refreshes_succeed_with_one_rotation() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let first = app.register("ann").await;

    let responses = join_all((0..32).map(|_| app.refresh(&first.refresh_token))).await;

    let sessions: Vec<Session> =
        responses.into_iter().map(|response| Session::of(&response.assert_status(200))).collect();
    let rotations: BTreeSet<u64> = sessions.iter().map(|session| session.rotation).collect();
    assert_eq!(rotations, BTreeSet::from([1]));
    assert_eq!(app.database.db_text("SELECT CAST(generation AS TEXT) AS value FROM sessions"), "1");

    // A tab can continue with any of them.
    let second = Session::of(&app.refresh(&sessions[31].refresh_token).await.assert_status(200));
    assert_eq!(second.rotation, 2);
}

#[actix_web::test]
async fn after_the_grace_32_concurrent_replays_end_the_session_permanently() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.advance(TimeDelta::seconds(11));

    for response in join_all((0..32).map(|_| app.refresh(&first.refresh_token))).await {
        assert!(response.assert_ended("reuse_detected").clears_cookie());
    }
    let app = app.restart().await;
    app.refresh(&second.refresh_token).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn concurrent_redeliveries_are_counted() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let first = app.register("ann").await;
    let key = "0123456789abcdefghijklmnop";
    app.refresh_with_key(&first.refresh_token, key).await.assert_status(200);
    app.advance(TimeDelta::hours(1));

    let responses = join_all((0..16).map(|_| app.refresh_with_key(&first.refresh_token, key))).await;
    let redelivered = responses.iter().filter(|response| response.status == 200).count();
    assert_eq!(redelivered, 5);
}

#[actix_web::test]
async fn refreshes_succeed_during_many_logins() {
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
async fn waiting_writers_do_not_block_readers() {
    let app = TestApp::with(&["--workers", "2"]).await;
    if app.database.is_postgres() {
        // PostgreSQL locks single rows, so this cannot happen there.
        return;
    }
    let session = app.register("ann").await;
    let other_writer = app.database.db_begin("UPDATE users SET name = 'Anne'");
    let refreshes = join_all((0..20).map(|_| app.refresh(&session.refresh_token)));
    let read = async {
        // Wait until all refreshes, twice as many as there are connections, wait for the database.
        sleep(Duration::from_millis(300)).await;
        let read = app.me(&session.refresh_token).await;
        other_writer.commit();
        read
    };
    let (refreshes, read) = futures_util::future::join(refreshes, read).await;
    read.assert_status(200);
    for refresh in refreshes {
        refresh.assert_status(200);
    }
}

#[actix_web::test]
async fn a_login_that_finds_the_queue_full_gets_503_with_retry_after() {
    // A hash takes half a second or more, so the queue stays full during the test.
    let app =
        TestApp::with(&["--argon2-memory-kib", "65536", "--argon2-iterations", "8", "--workers", "2"]).await;
    // Many users, because attempts for one user wait for each other before they queue.
    let logins: FuturesUnordered<_> = (0..150)
        .map(|number| {
            let body = json!({"email": format!("unknown{number}@example.org"), "password": PASSWORD});
            app.call(Method::POST, "/auth/login").json(&body).send()
        })
        .collect();
    // 64 wait, and one per core is being hashed. The test does not wait for those.
    let rejected = logins.filter(|response| ready(response.status == 503)).take(50).collect::<Vec<_>>();
    // The queue takes much longer: a rejection does not wait for it.
    let rejected = timeout(Duration::from_secs(5), rejected).await.expect("immediate rejections");
    assert_eq!(rejected.len(), 50);
    for response in rejected {
        let response = response.assert_problem(503, "unavailable");
        assert!(response.header("retry-after").is_some());
    }
}
