//! The revocation feed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use awc::http::Method;
use chrono::TimeDelta;
use futures_util::future::join;
use serde_json::{Value, json};
use test_support::Response;

use crate::app::{PASSWORD, Session, TestApp, claims};
use crate::cli::keys::keys_with;

const TOKEN: &str = "feed-token-of-the-tests-0123456789abcdef";

async fn start() -> TestApp {
    test_support::evidence::secret(TOKEN);
    TestApp::with(&["--revocation-feed-token", TOKEN, "--workers", "2"]).await
}

async fn request(app: &TestApp, query: &str) -> Response {
    app.get(&format!("/revocations{query}")).bearer(TOKEN).send().await
}

async fn poll(app: &TestApp, query: &str) -> Value {
    request(app, query).await.assert_status(200).json()
}

/// The cursor at the end of the feed.
async fn cursor(app: &TestApp) -> String {
    poll(app, "").await["cursor"].as_str().unwrap().to_owned()
}

async fn news(app: &TestApp, after: &str) -> Value {
    let page = poll(app, &format!("?after={after}&wait=5")).await;
    assert_eq!(page["snapshot"], json!(false), "{page}");
    page
}

/// Polls until the feed has reported `count` sessions. Returns the last page and all session ids.
async fn ended(app: &TestApp, after: &str, count: usize) -> (Value, Vec<Value>) {
    let (mut at, mut reported) = (after.to_owned(), Vec::new());
    loop {
        let page = news(app, &at).await;
        reported.extend(sids(&page));
        if reported.len() >= count {
            return (page, reported);
        }
        page["cursor"].as_str().unwrap().clone_into(&mut at);
    }
}

fn sid(session: &Session) -> Value {
    claims(&session.refresh_token)["sid"].clone()
}

fn sids(page: &Value) -> Vec<Value> {
    page["sessions"].as_array().unwrap().iter().map(|session| session["sid"].clone()).collect()
}

#[actix_web::test]
async fn the_feed_requires_its_token() {
    let app = start().await;
    let session = app.register("ann").await;
    let response = app.get("/revocations").send().await.assert_problem(401, "missing_token");
    assert_eq!(response.header("www-authenticate"), Some(r#"Bearer realm="latchkey""#));
    for wrong in ["x", &TOKEN[1..], &session.access_token, &session.refresh_token] {
        app.get("/revocations").bearer(wrong).send().await.assert_problem(401, "invalid_token");
    }
    let without = TestApp::start().await;
    without.get("/revocations").bearer(TOKEN).send().await.assert_problem(404, "not_found");
    for (query, field) in [("?wait=31", "wait"), ("?wait=-1", "wait"), ("?since=1", "since")] {
        let response = request(&app, query).await.assert_problem(422, "invalid_input");
        assert!(response.json()["fields"][field].is_string());
    }
}

#[actix_web::test]
async fn the_feed_reports_everything_that_ends_sessions() {
    let app = start().await;
    let here = app.register("ann").await;
    let [logged_out, revoked, stolen, last] =
        [app.log_in("ann").await, app.log_in("ann").await, app.log_in("ann").await, app.log_in("ann").await];
    let at = cursor(&app).await;

    app.post("/auth/logout").cookie(&logged_out.refresh_token).send().await.assert_status(204);
    let path = format!("/auth/sessions/{}", sid(&revoked).as_str().unwrap());
    app.call(Method::DELETE, &path).cookie(&here.refresh_token).send().await.assert_status(204);
    app.refresh(&stolen.refresh_token).await.assert_status(200);
    app.advance(TimeDelta::minutes(1));
    app.refresh(&stolen.refresh_token).await.assert_ended("reuse_detected");
    let (page, reported) = ended(&app, &at, 3).await;
    assert_eq!(reported, [sid(&logged_out), sid(&revoked), sid(&stolen)]);
    // One hour plus an allowance for clock skew.
    let last_one = page["sessions"].as_array().unwrap().last().unwrap();
    assert_eq!(last_one["until"], json!("2030-01-01T01:02:30Z"));
    assert_eq!(page["users"], json!([]));

    let at = page["cursor"].as_str().unwrap().to_owned();
    let change = json!({"current_password": PASSWORD, "new_password": "an entirely different staple"});
    let response = app.post("/auth/password").cookie(&here.refresh_token).json(&change).send().await;
    let here = Session::of(&response.assert_status(200));
    let page = news(&app, &at).await;
    assert_eq!(sids(&page), [sid(&last)]);
    let stale = |uv: u64| json!([{"sub": here.user_id, "uv": uv, "until": "2030-01-01T01:02:30Z"}]);
    assert_eq!(page["users"], stale(2));

    let at = page["cursor"].as_str().unwrap().to_owned();
    app.post("/auth/logout-all").cookie(&here.refresh_token).send().await.assert_status(204);
    let page = news(&app, &at).await;
    assert_eq!((sids(&page), &page["users"]), (vec![sid(&here)], &stale(3)));

    let again = app.try_login("ann", &json!({"password": "an entirely different staple"})).await;
    let again = Session::of(&again);
    let at = cursor(&app).await;
    app.call(Method::DELETE, "/auth/me").cookie(&again.refresh_token).send().await.assert_status(204);
    // A refresh cannot heal the tokens of a deleted user: they are revoked by session.
    let page = news(&app, &at).await;
    assert_eq!((sids(&page), &page["users"]), (vec![sid(&again)], &stale(4)));
}

#[actix_web::test]
async fn a_poll_without_news_returns_an_empty_page_after_the_wait() {
    let app = start().await;
    let session = app.register("ann").await;
    let at = cursor(&app).await;
    app.refresh(&session.refresh_token).await.assert_status(200);
    app.log_in("ann").await;
    let started = Instant::now();
    let page = poll(&app, &format!("?after={at}&wait=1")).await;
    assert!(started.elapsed() >= Duration::from_millis(900));
    assert_eq!(page, json!({"cursor": at, "snapshot": false, "sessions": [], "users": [], "keys": []}));
}

#[actix_web::test]
async fn a_waiting_poll_returns_when_a_session_ends_on_any_server() {
    let app = start().await;
    let other = app.another().await;
    app.register("ann").await;
    for round in 0..6 {
        let session = app.log_in("ann").await;
        let at = cursor(&app).await;
        let end = async {
            actix_web::rt::time::sleep(Duration::from_millis(300)).await;
            let ending = if round % 2 == 0 { &app } else { &other };
            ending.post("/auth/logout").cookie(&session.refresh_token).send().await.assert_status(204);
            Instant::now()
        };
        let (page, ended) = join(news(&app, &at), end).await;
        assert_eq!(sids(&page), [sid(&session)]);
        // The poll returns before its wait ends.
        assert!(ended.elapsed() < Duration::from_secs(4));
    }
}

#[actix_web::test]
async fn a_revocation_numbered_first_and_committed_last_is_not_missed() {
    let app = start().await;
    let [early, late] = [app.register("ann").await, app.register("bob").await];
    let end = |session: &Session| {
        let sid = sid(session);
        let sid = sid.as_str().unwrap();
        format!(
            "UPDATE sessions SET ended_at = '2030-01-01 00:00:00', end_reason = 'logged_out' WHERE id = '{sid}'; \
             UPDATE revocation_counter SET seq = seq + 1; \
             INSERT INTO revocations SELECT seq, 'session', '{sid}', NULL, '2030-01-01 00:00:00' FROM revocation_counter"
        )
    };
    let at = cursor(&app).await;
    // This revocation has a number and is not committed yet.
    let transaction = app.database.db_begin(&end(&early));
    let logout = async {
        let response = app.post("/auth/logout").cookie(&late.refresh_token).send().await;
        response.assert_status(204);
    };
    let polling = async {
        // The second revocation waits for the first, so the feed has neither yet.
        let page = poll(&app, &format!("?after={at}&wait=1")).await;
        assert_eq!(page["sessions"], json!([]));
        transaction.commit();
        assert_eq!(ended(&app, &at, 2).await.1, [sid(&early), sid(&late)]);
    };
    join(logout, polling).await;
}

#[actix_web::test]
async fn a_cursor_from_before_a_restart_or_a_restore_gets_a_snapshot() {
    let app = start().await;
    let session = app.register("ann").await;
    let other = app.log_in("ann").await;
    let before = cursor(&app).await;
    app.post("/auth/logout").cookie(&session.refresh_token).send().await.assert_status(204);
    let after = cursor(&app).await;

    let app = app.restart().await;
    let page = poll(&app, &format!("?after={before}")).await;
    assert_eq!((&page["snapshot"], sids(&page)), (&json!(true), vec![sid(&session)]));

    // A restore resets the counter under a running server; later it grows past the cursor again.
    let known = cursor(&app).await;
    app.database.db_execute("DELETE FROM revocations; UPDATE revocation_counter SET seq = 0");
    while cursor(&app).await == known {
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    for _ in 0..3 {
        let session = app.log_in("ann").await;
        app.post("/auth/logout").cookie(&session.refresh_token).send().await.assert_status(204);
    }
    app.post("/auth/logout").cookie(&other.refresh_token).send().await.assert_status(204);
    while sids(&poll(&app, "").await).len() < 4 {
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    for cursor in [&known, &after, "nonsense", "x.1", "first.999999"] {
        let page = poll(&app, &format!("?after={cursor}")).await;
        assert_eq!((&page["snapshot"], sids(&page).len()), (&json!(true), 4), "{cursor}");
    }
}

/// Each new epoch is a write, and a snapshot for every listener.
#[actix_web::test]
async fn cursors_from_the_future_start_one_epoch_in_ten_seconds() {
    let app = start().await;
    let ended = app.register("ann").await;
    app.post("/auth/logout").cookie(&ended.refresh_token).send().await.assert_status(204);
    let before = cursor(&app).await;
    let epoch = |cursor: &str| cursor.split_once('.').unwrap().0.to_owned();
    let mut epochs = BTreeSet::from([epoch(&before)]);
    for _ in 0..20 {
        let future = format!("{}.999999", epoch(&cursor(&app).await));
        let page = poll(&app, &format!("?after={future}")).await;
        assert_eq!((&page["snapshot"], sids(&page)), (&json!(true), vec![sid(&ended)]));
        epochs.insert(epoch(page["cursor"].as_str().unwrap()));
    }
    assert_eq!(epochs.len(), 2, "{epochs:?}");
}

#[actix_web::test]
async fn expired_revocations_are_neither_reported_nor_kept() {
    let app = start().await;
    for session in [app.register("ann").await, app.log_in("ann").await] {
        app.post("/auth/logout").cookie(&session.refresh_token).send().await.assert_status(204);
    }
    app.database.db_execute(
        "UPDATE revocation_counter SET seq = seq + 2; \
         INSERT INTO revocations SELECT seq - 1, 'key', 'old', NULL, '2030-01-01 00:00:00' FROM revocation_counter; \
         INSERT INTO revocations SELECT seq, 'session', '97bcc65a-8b5d-4d33-a0f6-4d06a4c8b6b1', NULL, \
         '2030-01-01 00:00:00' FROM revocation_counter",
    );
    app.advance(TimeDelta::seconds(60 * 60 + 89));
    assert_eq!(poll(&app, "").await["sessions"].as_array().unwrap().len(), 3);
    app.advance(TimeDelta::seconds(1));
    assert_eq!(poll(&app, "").await["sessions"], json!([]));
    // The newest row is kept, because servers recognize the table by it.
    app.advance(TimeDelta::seconds(1));
    let app = purged_to(app, &["old", "97bcc65a-8b5d-4d33-a0f6-4d06a4c8b6b1"]).await;
    app.advance(TimeDelta::days(1));
    purged_to(app, &["97bcc65a-8b5d-4d33-a0f6-4d06a4c8b6b1"]).await;
}

/// Restarts the server, which starts maintenance, and waits until only these subjects are left.
async fn purged_to(app: TestApp, expected: &[&str]) -> TestApp {
    let app = app.restart().await;
    for _ in 0..100 {
        if app.database.db_texts("SELECT subject AS value FROM revocations ORDER BY seq") == expected {
            return app;
        }
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", app.database.db_texts("SELECT subject AS value FROM revocations ORDER BY seq"));
}

/// A promoted standby may lack the last sequence numbers and assign them again before the next poll.
#[actix_web::test]
async fn reused_sequence_numbers_are_detected() {
    let app = start().await;
    let sessions = [app.register("ann").await, app.log_in("ann").await];
    let at = cursor(&app).await;
    app.post("/auth/logout").cookie(&sessions[0].refresh_token).send().await.assert_status(204);
    let (page, _) = ended(&app, &at, 1).await;
    let other = sid(&sessions[1]);
    app.database.db_execute(&format!("UPDATE revocations SET subject = '{}'", other.as_str().unwrap()));
    let page = poll(&app, &format!("?after={}&wait=5", page["cursor"].as_str().unwrap())).await;
    assert_eq!((&page["snapshot"], sids(&page)), (&json!(true), vec![other]));
}

#[actix_web::test]
async fn a_retired_key_is_in_the_feed() {
    let app = start().await;
    let kid = app.database.db_text("SELECT kid AS value FROM signing_keys");
    let database = std::sync::Arc::clone(&app.database);
    app.stop().await;
    keys_with(&database, &["retire", &kid], &[]);
    assert_eq!(
        database.db_text("SELECT kind || ' ' || subject AS value FROM revocations"),
        format!("key {kid}")
    );

    let app = start().await;
    let at = cursor(&app).await;
    app.database.db_execute(
        "UPDATE revocation_counter SET seq = seq + 1; \
         INSERT INTO revocations SELECT seq, 'key', 'old', NULL, '2030-01-01 00:00:00' FROM revocation_counter",
    );
    let keys = json!([{"kid": "old", "until": "2030-01-02T00:00:00Z"}]);
    assert_eq!(news(&app, &at).await["keys"], keys);
}

#[actix_web::test]
async fn an_ended_session_is_reported_until_its_last_token_has_expired() {
    for (before, now) in [("1h", "1m"), ("2h", "2h")] {
        let flags = |life| ["--revocation-feed-token", TOKEN, "--access-token-ttl", life];
        let app = TestApp::with(&flags(before)).await;
        let session = app.register("ann").await;
        let app = app.another_with(&flags(now)).await.expect("a server");
        app.post("/auth/logout").cookie(&session.refresh_token).send().await.assert_status(204);
        let token = claims(&session.access_token);
        let life = token["exp"].as_i64().unwrap() - token["iat"].as_i64().unwrap();
        app.advance(TimeDelta::seconds(life));
        assert_eq!(sids(&poll(&app, "").await), [sid(&session)], "{before}, then {now}");
    }
}

#[actix_web::test]
async fn without_a_database_the_feed_is_unavailable() {
    let app = start().await;
    let at = cursor(&app).await;
    app.database.db_execute("ALTER TABLE revocation_counter RENAME TO gone");
    let response = request(&app, &format!("?after={at}&wait=3")).await;
    response.assert_problem(503, "unavailable");
    app.database.db_execute("ALTER TABLE gone RENAME TO revocation_counter");
    assert_eq!(poll(&app, &format!("?after={at}")).await["snapshot"], json!(false));
}
