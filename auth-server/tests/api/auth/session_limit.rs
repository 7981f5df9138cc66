//! `MAX_SESSIONS_PER_USER`, and users who have more sessions from before there was a limit.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use crate::app::{PASSWORD, Session, TestApp, claims};

fn count(app: &TestApp, condition: &str) -> String {
    app.database.db_text(&format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {condition}"))
}

fn active(app: &TestApp) -> String {
    count(app, "sessions WHERE ended_at IS NULL")
}

#[actix_web::test]
async fn a_login_beyond_the_limit_ends_the_least_recently_used_session() {
    let app = TestApp::with(&["--max-sessions-per-user", "3"]).await;
    app.register("bob").await;
    let first = app.register("ann").await;
    app.advance(TimeDelta::minutes(1));
    let second = app.log_in("ann").await;
    app.advance(TimeDelta::minutes(1));
    let third = app.log_in("ann").await;
    app.advance(TimeDelta::minutes(1));
    let first = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.advance(TimeDelta::minutes(1));

    let fourth = app.log_in("ann").await;
    app.refresh(&second.refresh_token).await.assert_ended("revoked");
    for session in [&first, &third, &fourth] {
        app.me(&session.refresh_token).await.assert_status(200);
    }
    let events = app.get_json(&fourth, "/auth/events?limit=1").await;
    let sid = claims(&second.refresh_token)["sid"].clone();
    assert_eq!(
        (&events["items"][0]["type"], &events["items"][0]["session_id"]),
        (&json!("session_ended"), &sid)
    );
    assert_eq!(events["items"][0]["details"], json!({"reason": "revoked"}));
    let revoked = "SELECT kind || subject AS value FROM revocations";
    assert_eq!(app.database.db_texts(revoked), [format!("session{}", sid.as_str().unwrap())]);
}

#[actix_web::test]
async fn sessions_that_have_ended_or_expired_do_not_count() {
    let app = TestApp::with(&["--max-sessions-per-user", "2", "--refresh-idle-ttl", "1h"]).await;
    let idle = app.register("ann").await;
    app.advance(TimeDelta::minutes(61));
    let logged_out = app.log_in("ann").await;
    app.post("/auth/logout").cookie(&logged_out.refresh_token).send().await.assert_status(204);
    let stays = app.log_in("ann").await;
    // This one replaces itself, so that two are active.
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    let replaced = app.log_in("ann").await;
    app.post("/auth/login").cookie(&replaced.refresh_token).json(&body).send().await.assert_status(200);
    app.me(&stays.refresh_token).await.assert_status(200);
    app.refresh(&idle.refresh_token).await.assert_ended("expired");
}

#[actix_web::test]
async fn concurrent_logins_do_not_exceed_the_limit() {
    let flags = ["--max-sessions-per-user", "2", "--workers", "2"];
    let app = TestApp::with(&flags).await;
    let other = app.another().await;
    app.register("ann").await;
    for _ in 0..4 {
        app.advance(TimeDelta::minutes(1));
        let logins = (0..6).map(|number| {
            let server = if number % 2 == 0 { &app } else { &other };
            async { server.try_login("ann", &json!({})).await }
        });
        // The throttle may reject some of them.
        let responses = join_all(logins).await.into_iter().filter(|response| response.status == 200);
        let sessions: Vec<Session> = responses.map(|response| Session::of(&response)).collect();
        assert!(sessions.len() > 2);
        assert_eq!(active(&app), "2");
        let mut still_active = 0;
        for session in sessions {
            still_active += u32::from(app.me(&session.refresh_token).await.status == 200);
        }
        assert_eq!(still_active, 2);
    }
}

#[actix_web::test]
async fn the_next_login_ends_all_sessions_beyond_the_limit() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.db_copy_session(&session, 2500);
    app.advance(TimeDelta::minutes(1));
    app.log_in("ann").await;
    assert_eq!(active(&app), "100");
    app.me(&session.refresh_token).await.assert_status(200);
    // Every end has its event and its revocation.
    for recorded in [
        "events JOIN sessions ON session_id = sessions.id WHERE type = 'session_ended' AND end_reason = 'revoked'",
        "revocations JOIN sessions ON subject = id WHERE end_reason = 'revoked'",
    ] {
        assert_eq!(count(&app, recorded), "2402");
    }
    assert_eq!(count(&app, "revocations"), "2402");
}

#[actix_web::test]
async fn many_sessions_end_together_and_their_ends_are_recorded() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.db_copy_session(&session, 2500);
    app.post("/auth/logout-all").cookie(&session.refresh_token).send().await.assert_status(204);
    assert_eq!(active(&app), "0");
    let sessions =
        "SELECT CAST(COUNT(DISTINCT session_id) AS TEXT) AS value FROM events WHERE type = 'session_ended'";
    assert_eq!(app.database.db_text(sessions), "2501");
    let revocations =
        "SELECT kind || CAST(COUNT(*) AS TEXT) AS value FROM revocations GROUP BY kind ORDER BY kind";
    assert_eq!(app.database.db_texts(revocations), ["session2501", "user1"]);
}

/// Even if the server stops before it has recorded every end.
#[actix_web::test]
async fn the_first_commit_ends_all_sessions_and_makes_their_tokens_stale() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let session = app.register("ann").await;
    app.db_copy_session(&session, 1500);
    // The transaction records the user and 1000 sessions. The others follow after the commit, and fail.
    app.database.db_execute(
        "INSERT INTO revocations SELECT seq + 1200, 'key', 'taken', NULL, '2030-01-01 00:00:00' FROM revocation_counter",
    );
    let path = format!("/admin/users/{}/sessions", session.user_id);
    app.call(awc::http::Method::DELETE, &path).cookie(&root.refresh_token).send().await.assert_status(204);
    assert_eq!(count(&app, "sessions WHERE ended_at IS NOT NULL"), "1501");
    assert_eq!(count(&app, "events WHERE type = 'session_ended'"), "1000");
    assert_eq!(count(&app, "revocations WHERE kind = 'user' AND version = 2"), "1");
    app.refresh(&session.refresh_token).await.assert_ended("revoked");
}
