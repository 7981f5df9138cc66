use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{PASSWORD, Session, TestApp, claims};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

async fn events(app: &TestApp, session: &Session, query: &str) -> Value {
    let call = app.get(&format!("/auth/events{query}")).cookie(&session.refresh_token);
    call.send().await.assert_status(200).json()
}

fn types(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn users_see_their_own_events_newest_first() {
    let app = TestApp::start().await;
    app.register("bob").await;
    app.register("ann").await;
    app.advance(TimeDelta::minutes(1));
    let body = json!({"email": "ann@example.org", "password": "wrong"});
    app.post("/auth/login").header("user-agent", FIREFOX).json(&body).send().await.assert_status(401);
    app.advance(TimeDelta::minutes(1));
    let here = app.log_in("ann").await;
    app.call(awc::http::Method::PATCH, "/auth/me")
        .cookie(&here.refresh_token)
        .json(&json!({"name": "Ann"}))
        .send()
        .await;

    let page = events(&app, &here, "").await;
    assert_eq!(types(&page), ["names_changed", "login_succeeded", "login_failed", "registered"]);
    let failed = &page["items"][2];
    assert_eq!(failed["at"], json!("2030-01-01T00:01:00Z"));
    assert_eq!((&failed["ip"], &failed["device"]), (&json!("127.0.0.1"), &json!("Firefox on Linux")));
    assert_eq!((&failed["user_id"], &failed["session_id"]), (&json!(here.user_id), &json!(null)));
    assert_eq!(page["items"][1]["session_id"], claims(&here.refresh_token)["sid"]);
    assert!(page.get("next_cursor").is_none());
}

#[actix_web::test]
async fn paging_has_no_gaps_while_new_events_arrive() {
    let app = TestApp::start().await;
    let here = app.register("ann").await;
    // Some of them have the same time.
    for step in 0..7 {
        app.log_in("ann").await;
        app.advance(TimeDelta::seconds(step % 2));
    }
    let mut seen = Vec::new();
    let mut query = "?limit=3".to_owned();
    loop {
        let page = events(&app, &here, &query).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|event| event["session_id"].to_string()));
        app.log_in("ann").await;
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!((seen.len(), once.len()), (8, 8));
}

#[actix_web::test]
async fn an_invalid_query_is_rejected_with_the_parameter_name() {
    let app = TestApp::start().await;
    let here = app.register("ann").await;
    let list = |query: &str| app.get(&format!("/auth/events?{query}")).cookie(&here.refresh_token).send();
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=", "cursor"),
        ("cursor=1.5-1", "cursor"),
        ("cursor=99999999999999999999.000000000-1", "cursor"),
        ("typ=registered", "typ"),
    ] {
        let response = list(query).await.assert_problem(422, "invalid_input");
        assert!(response.json()["fields"][field].is_string(), "{query}");
    }
    list("limit=1&limit=2").await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn every_session_end_is_recorded() {
    let app = TestApp::start().await;
    let here = app.register("ann").await;
    let (logged_out, revoked, replaced) =
        (app.log_in("ann").await, app.log_in("ann").await, app.log_in("ann").await);
    app.post("/auth/logout").cookie(&logged_out.refresh_token).send().await.assert_status(204);
    let path = format!("/auth/sessions/{}", claims(&revoked.refresh_token)["sid"].as_str().unwrap());
    app.call(awc::http::Method::DELETE, &path).cookie(&here.refresh_token).send().await.assert_status(204);
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    app.post("/auth/login").cookie(&replaced.refresh_token).json(&body).send().await.assert_status(200);
    let stolen = app.log_in("ann").await;
    let next = Session::of(&app.refresh(&stolen.refresh_token).await);
    app.advance(TimeDelta::minutes(1));
    app.me(&stolen.refresh_token).await.assert_ended("reuse_detected");
    app.refresh(&next.refresh_token).await.assert_ended("reuse_detected");

    let page = events(&app, &here, "").await;
    let ends = page["items"].as_array().unwrap().iter().rev().filter_map(|event| {
        let kind = event["type"].as_str().unwrap();
        let reason = event["details"]["reason"].as_str().unwrap_or(kind);
        matches!(kind, "session_ended" | "reuse_detected")
            .then(|| (event["session_id"].clone(), reason.to_owned()))
    });
    let sid = |session: &Session| claims(&session.refresh_token)["sid"].clone();
    let expected = [
        (sid(&logged_out), "logged_out"),
        (sid(&revoked), "revoked"),
        (sid(&replaced), "logged_out"),
        (sid(&stolen), "reuse_detected"),
    ];
    assert_eq!(ends.collect::<Vec<_>>(), expected.map(|(sid, reason)| (sid, reason.to_owned())));
}

#[actix_web::test]
async fn refreshes_are_not_recorded() {
    let app = TestApp::start().await;
    let mut session = app.register("ann").await;
    for _ in 0..3 {
        session = Session::of(&app.refresh(&session.refresh_token).await);
    }
    app.refresh(&session.refresh_token).await.assert_status(200);
    app.refresh(&session.refresh_token).await.assert_status(200);
    assert_eq!(
        app.database.db_texts("SELECT type AS value FROM events ORDER BY id"),
        ["key_made", "registered"]
    );
}

#[actix_web::test]
async fn a_change_fails_if_its_event_cannot_be_recorded() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.database.db_execute("ALTER TABLE events RENAME TO gone");
    app.post("/auth/logout").cookie(&session.refresh_token).send().await.assert_problem(503, "unavailable");
    app.try_login("ann", &json!({})).await.assert_problem(503, "unavailable");
    app.database.db_execute("ALTER TABLE gone RENAME TO events");
    app.refresh(&session.refresh_token).await.assert_status(200);
    assert_eq!(app.database.db_text("SELECT CAST(COUNT(*) AS TEXT) AS value FROM sessions"), "1");
}

#[actix_web::test]
async fn events_past_the_retention_are_purged() {
    let app = TestApp::with(&["--event-retention", "1d", "--refresh-reuse-grace", "1s"]).await;
    app.register("ann").await;
    app.advance(TimeDelta::hours(25));
    app.register("bob").await;
    // Maintenance runs at startup.
    let app = app.restart().await;
    let kinds = || app.database.db_texts("SELECT type AS value FROM events ORDER BY id");
    for _ in 0..100 {
        if kinds() == ["registered"] {
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{:?}", kinds());
}
