use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::future::join_all;
use shared_claims::testing::ManualClock;

use crate::app::{Session, TestApp};
use test_support::TestDatabase;

#[actix_web::test]
async fn servers_share_the_state_of_sessions() {
    let one = TestApp::start().await;
    let other = one.another().await;
    let first = one.register("ann").await;

    let second = Session::of(&other.refresh(&first.refresh_token).await.assert_status(200));
    assert_eq!(second.rotation, 1);
    one.post("/auth/logout").cookie(&second.refresh_token).send().await.assert_status(204);

    other.refresh(&second.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn racing_tabs_may_use_different_servers() {
    let one = TestApp::start().await;
    let other = one.another().await;
    let first = one.register("ann").await;

    let calls = (0..32).map(|i| {
        if i % 2 == 0 { one.refresh(&first.refresh_token) } else { other.refresh(&first.refresh_token) }
    });
    let rotations: BTreeSet<u64> = join_all(calls)
        .await
        .into_iter()
        .map(|response| Session::of(&response.assert_status(200)).rotation)
        .collect();

    assert_eq!(rotations, BTreeSet::from([1]));
}

#[actix_web::test]
async fn reuse_on_one_server_ends_the_session_on_the_other() {
    let one = TestApp::start().await;
    let other = one.another().await;
    let first = one.register("ann").await;
    let second = Session::of(&other.refresh(&first.refresh_token).await.assert_status(200));
    one.advance(TimeDelta::seconds(11));

    one.refresh(&first.refresh_token).await.assert_ended("reuse_detected");
    other.refresh(&second.refresh_token).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn servers_started_concurrently_on_an_empty_database_agree_on_one_key() {
    let database = Arc::new(TestDatabase::fresh());
    let clock = ManualClock::new();
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let (database, clock) = (Arc::clone(&database), clock.clone());
            std::thread::spawn(move || {
                actix_web::rt::System::new().block_on(async move {
                    let app = TestApp::launch(database, clock, Vec::new()).await.expect("a server");
                    let keys = app.get("/.well-known/jwks.json").send().await.assert_status(200).text();
                    app.stop().await;
                    keys
                })
            })
        })
        .collect();
    let sets: BTreeSet<String> =
        starting.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    assert_eq!(sets.len(), 1);
    assert_eq!(database.db_text("SELECT CAST(COUNT(*) AS TEXT) AS value FROM signing_keys"), "1");
}
