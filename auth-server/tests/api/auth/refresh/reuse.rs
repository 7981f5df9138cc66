use chrono::TimeDelta;

use crate::app::{Session, TestApp};

/// Past the grace of ten seconds.
const LATER: TimeDelta = TimeDelta::seconds(11);

#[actix_web::test]
async fn a_spent_token_ends_the_session() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.advance(LATER);

    let replay = app.refresh(&first.refresh_token).await.assert_ended("reuse_detected");
    assert!(replay.clears_cookie());

    let owner = app.refresh(&second.refresh_token).await.assert_ended("reuse_detected");
    assert!(owner.clears_cookie());
}

#[actix_web::test]
async fn a_session_ended_by_reuse_stays_ended_after_a_restart() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.advance(LATER);
    app.refresh(&first.refresh_token).await.assert_ended("reuse_detected");

    let app = app.restart().await;

    app.refresh(&second.refresh_token).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn a_token_two_generations_old_is_reuse_even_within_the_grace() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.refresh(&second.refresh_token).await.assert_status(200);

    app.refresh(&first.refresh_token).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn a_spent_token_is_reuse_on_every_call_that_takes_a_session() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.me(&first.refresh_token).await.assert_status(200);
    app.advance(LATER);

    app.me(&first.refresh_token).await.assert_ended("reuse_detected");
    app.refresh(&second.refresh_token).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn reuse_ends_only_the_session_of_the_token() {
    let app = TestApp::start().await;
    let stolen = app.register("ann").await;
    let other = app.log_in("ann").await;
    app.refresh(&stolen.refresh_token).await.assert_status(200);
    app.advance(LATER);
    app.refresh(&stolen.refresh_token).await.assert_ended("reuse_detected");

    app.refresh(&other.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_grace_period_of_zero_means_none() {
    let app = TestApp::with(&["--refresh-reuse-grace", "0s"]).await;
    let session = app.register("ann").await;
    app.refresh(&session.refresh_token).await.assert_status(200);
    // The clock has not moved.
    app.refresh(&session.refresh_token).await.assert_ended("reuse_detected");
}
