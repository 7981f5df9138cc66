//! The moment that a random kill may miss: the rotation is committed, and its response is not sent.

use std::time::Duration;

use actix_web::rt;
use test_support::{NoResponse, Program};

use crate::servers::{Deployment, register};

const KEY: &str = "0123456789abcdefghijklmnop";
const AFTER_THE_GRACE: [(&str, &str); 1] = [("REFRESH_REUSE_GRACE", "0s")];

/// Commits a rotation and kills the server before it responds. Returns the token that was rotated.
async fn killed_after_commit(deployment: &Deployment, key: Option<&str>) -> String {
    let token = register(&deployment.start().await, "ann").await.refresh_cookie().expect("a cookie");
    let server = deployment.start_with(&[("LATCHKEY_FAIL_POINTS", "refresh-committed")]).await;
    let mut call = server.post("/auth/refresh").cookie(&token);
    if let Some(key) = key {
        call = call.header("Idempotency-Key", key);
    }
    let lost = rt::spawn(call.try_send());
    while generation(deployment) != "1" {
        assert!(!lost.is_finished(), "a response without a rotation");
        rt::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!lost.is_finished(), "the response waits");
    server.kill();
    assert_eq!(lost.await.expect("a task").expect_err("nothing"), NoResponse::BrokenOff);
    token
}

fn generation(deployment: &Deployment) -> String {
    deployment.database.db_text("SELECT CAST(generation AS TEXT) AS value FROM sessions")
}

/// Refreshes with the key, and returns the next token.
async fn successor(server: &Program, token: &str, rotation: u64) -> String {
    let call = server.post("/auth/refresh").cookie(token).header("Idempotency-Key", KEY);
    let response = call.send().await.assert_status(200);
    assert_eq!(response.json()["rotation"], rotation);
    response.refresh_cookie().expect("a cookie")
}

#[actix_web::test]
async fn within_the_grace_the_same_successor_is_returned_with_and_without_the_key() {
    let deployment = Deployment::new();
    let token = killed_after_commit(&deployment, Some(KEY)).await;
    let server = deployment.start_with(&[("REFRESH_REUSE_GRACE", "60s")]).await;
    let again = successor(&server, &token, 1).await;
    let response = server.post("/auth/refresh").cookie(&token).send().await.assert_status(200);
    assert_eq!(response.json()["rotation"], 1);
    successor(&server, &again, 2).await;
}

#[actix_web::test]
async fn after_the_grace_the_same_key_returns_the_same_successor() {
    let deployment = Deployment::new();
    let token = killed_after_commit(&deployment, Some(KEY)).await;
    let server = deployment.start_with(&AFTER_THE_GRACE).await;
    let again = successor(&server, &token, 1).await;
    successor(&server, &token, 1).await;
    assert_eq!(generation(&deployment), "1");
    successor(&server, &again, 2).await;
}

#[actix_web::test]
async fn after_the_grace_a_retry_without_the_key_is_reuse() {
    for (first, second) in [(Some(KEY), None), (None, Some(KEY)), (None, None)] {
        let deployment = Deployment::new();
        let token = killed_after_commit(&deployment, first).await;
        let server = deployment.start_with(&AFTER_THE_GRACE).await;
        for _ in 0..2 {
            let mut call = server.post("/auth/refresh").cookie(&token);
            if let Some(key) = second {
                call = call.header("Idempotency-Key", key);
            }
            call.send().await.assert_ended("reuse_detected");
        }
    }
}
