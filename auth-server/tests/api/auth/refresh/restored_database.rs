//! A database restored from a backup, or a promoted replica, is behind the tokens that clients hold.

use chrono::TimeDelta;

use crate::app::{Session, TestApp, security_log};

#[actix_web::test]
async fn a_token_ahead_of_a_restored_row_works_and_the_one_before_it_is_reuse() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let mut tokens = vec![app.log_in("ann").await.refresh_token];
    for _ in 0..5 {
        let next = Session::of(&app.refresh(tokens.last().unwrap()).await.assert_status(200));
        tokens.push(next.refresh_token);
    }
    app.database.db_execute("UPDATE sessions SET generation = 2 WHERE generation = 5");

    let next = Session::of(&app.refresh(&tokens[5]).await.assert_status(200));
    assert_eq!(next.rotation, 6);
    assert_eq!(security_log(&next), ["login_succeeded", "generation_restored"]);
    app.refresh(&next.refresh_token).await.assert_status(200);

    app.refresh(&tokens[4]).await.assert_ended("reuse_detected");
}

#[actix_web::test]
async fn a_session_call_accepts_a_token_ahead_of_its_row() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.database.db_execute("UPDATE sessions SET generation = 0");

    app.me(&second.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_recent_token_is_accepted_although_the_restored_row_was_idle_too_long() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    app.advance(TimeDelta::days(6));
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.database.db_execute(
        "UPDATE sessions SET generation = 0, rotated_at = created_at, idle_expires_at = created_at",
    );

    app.advance(TimeDelta::days(6));
    app.refresh(&second.refresh_token).await.assert_status(200);
}
