use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use chrono::TimeDelta;
use serde_json::{Value, json};
use shared_claims::Clock;
use shared_claims::testing::ManualClock;

use crate::app::{KEY_SECRET, REFRESH_SECRET, Session, TestApp};

/// Generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the list fulfills the condition.
async fn servers(app: &TestApp, by: &Session, condition: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let items = app.get_json(by, "/admin/servers").await["items"].as_array().unwrap().clone();
        if condition(&items) {
            return items;
        }
        assert!(started.elapsed() < PATIENCE, "{items:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

fn status<'a>(items: &'a [Value], id: &str) -> Option<&'a str> {
    items.iter().find(|server| server["id"] == id).map(|server| server["status"].as_str().unwrap())
}

/// The row of a server that crashed: its last heartbeat was so many seconds ago.
fn db_add_crashed(app: &TestApp, id: &str, seconds: u32) {
    let seen_at = if app.database.is_postgres() {
        format!("seen_at - INTERVAL '{seconds} seconds'")
    } else {
        format!("strftime('%Y-%m-%d %H:%M:%f', seen_at, '-{seconds} seconds')")
    };
    app.database.db_execute(&format!(
        "INSERT INTO servers SELECT '{id}', host, version, settings, started_at, {seen_at}, own_time, can_sign, mail \
         FROM servers LIMIT 1"
    ));
}

#[actix_web::test]
async fn every_server_on_the_database_is_listed_while_it_runs() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let other = app.another_with(&["--max-sessions-per-user", "7"]).await.expect("a server");
    let both = servers(&app, &root, |items| items.len() == 2).await;
    let limits = both.iter().map(|server| server["settings"]["MAX_SESSIONS_PER_USER"].as_str().unwrap());
    assert!(limits.clone().any(|limit| limit == "7") && limits.clone().any(|limit| limit == "100"));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    for server in &both {
        assert_eq!(server["status"], "ready");
        assert_eq!((&server["host"], &server["version"]), (&json!(host), &json!(env!("CARGO_PKG_VERSION"))));
        assert_eq!(server["started_at"], "2030-01-01T00:00:00Z");
        let parts = &server["parts"];
        assert_eq!((&parts["database"], &parts["signing_key"]), (&json!({"ok": true}), &json!({"ok": true})));
        assert_eq!(parts["mail"], json!({"ok": true, "state": "off"}));
        assert_eq!(parts["clock"]["ahead_ms"].is_i64(), app.database.is_postgres());
        assert_eq!(server["settings"]["JWT_REFRESH_SECRET"], "(set)");
    }
    assert_ne!(both[0]["id"], both[1]["id"]);
    for secret in [REFRESH_SECRET, KEY_SECRET, &app.database.url] {
        assert!(!format!("{both:?}").contains(secret) && !app.database.db_dump().contains(secret));
    }
    other.stop().await;
    servers(&app, &root, |items| items.len() == 1).await;
}

#[actix_web::test]
async fn a_server_that_crashed_is_silent_after_30_seconds_and_gone_after_a_day() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    servers(&app, &root, |items| items.len() == 1).await;
    for (id, seconds) in [("late", 15), ("crashed", 31), ("yesterday", 86_000), ("gone", 86_500)] {
        db_add_crashed(&app, id, seconds);
    }
    let items = servers(&app, &root, |_| true).await;
    assert_eq!(status(&items, "late"), Some("ready"));
    assert_eq!((status(&items, "crashed"), status(&items, "yesterday")), (Some("silent"), Some("silent")));
    assert_eq!(status(&items, "gone"), None);

    let _other = app.another().await;
    let started = Instant::now();
    let gone = "SELECT id AS value FROM servers WHERE id = 'gone'";
    while !app.database.db_texts(gone).is_empty() {
        assert!(started.elapsed() < PATIENCE, "the row is not purged");
        sleep(Duration::from_millis(50)).await;
    }
    servers(&app, &root, |items| items.len() == 5).await;
}

#[actix_web::test]
async fn a_heartbeat_every_ten_seconds_reports_what_changed() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let first = servers(&app, &root, |items| items.len() == 1).await.remove(0);
    app.database.db_execute("UPDATE servers SET can_sign = FALSE, mail = 'new in a later version'");
    let changed = servers(&app, &root, |_| true).await.remove(0);
    assert_eq!(
        (&changed["status"], &changed["parts"]["signing_key"]),
        (&json!("not_ready"), &json!({"ok": false}))
    );
    assert_eq!(changed["parts"]["mail"], json!({"ok": false, "state": "failing"}));

    app.advance(TimeDelta::seconds(9));
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(servers(&app, &root, |_| true).await[0]["seen_at"], first["seen_at"]);
    app.advance(TimeDelta::seconds(1));
    let next = servers(&app, &root, |items| items[0]["seen_at"] != first["seen_at"]).await.remove(0);
    assert_eq!(
        (&next["id"], &next["status"], &next["parts"]["mail"]),
        (&first["id"], &json!("ready"), &first["parts"]["mail"])
    );
}

#[actix_web::test]
async fn a_server_returns_to_the_list_after_an_outage_with_one_row() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let before = servers(&app, &root, |items| items.len() == 1).await;
    app.database.db_execute("ALTER TABLE servers RENAME TO gone");
    for _ in 0..3 {
        app.advance(TimeDelta::seconds(10));
        sleep(Duration::from_millis(1100)).await;
    }
    let list = app.get("/admin/servers").cookie(&root.refresh_token).send().await;
    list.assert_problem(503, "unavailable");
    app.database.db_execute("DELETE FROM gone; ALTER TABLE gone RENAME TO servers");
    app.advance(TimeDelta::seconds(10));
    let after = servers(&app, &root, |items| !items.is_empty()).await;
    assert_eq!((after.len(), &after[0]["id"]), (1, &before[0]["id"]));
}

#[actix_web::test]
async fn a_server_with_a_wrong_clock_is_not_silent() {
    let app = TestApp::start().await;
    if !app.database.is_postgres() {
        // All servers on SQLite have the clock of one machine.
        return;
    }
    let root = app.db_administrator("root").await;
    let late = ManualClock::new();
    late.set(app.clock.now() - TimeDelta::hours(1));
    let other = TestApp::launch(Arc::clone(&app.database), late, Vec::new()).await.expect("a server");
    let both = servers(&app, &root, |items| items.len() == 2).await;
    let ahead: Vec<i64> =
        both.iter().map(|server| server["parts"]["clock"]["ahead_ms"].as_i64().unwrap()).collect();
    assert!(((ahead[0] - ahead[1]).abs() - 3_600_000).abs() < 60_000, "{ahead:?}");
    assert!(both.iter().all(|server| server["status"] == "ready"), "{both:?}");
    assert!(both.iter().all(|server| server["parts"]["clock"]["ok"] == false), "{both:?}");
    // The same as `/readyz`.
    for app in [&app, &other] {
        let readiness = app.get("/readyz").send().await.assert_status(200).json();
        assert_eq!((&readiness["status"], &readiness["clock"]["ok"]), (&json!("ready"), &json!(false)));
    }
}

#[actix_web::test]
async fn only_administrators_see_the_servers() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    app.get("/admin/servers").send().await.assert_problem(401, "missing_token");
    app.get("/admin/servers").cookie(&ann.refresh_token).send().await.assert_problem(403, "role_required");
}
