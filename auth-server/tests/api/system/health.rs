use serde_json::json;

use crate::app::TestApp;

#[actix_web::test]
async fn a_server_says_that_it_lives_and_can_serve() {
    let app = TestApp::start().await;
    app.get("/healthz").send().await.assert_status(200);
    let answer = app.get("/readyz").send().await.assert_status(200);
    assert_eq!(answer.json()["database"], json!({"ok": true}));
}

#[actix_web::test]
async fn without_its_tables_it_is_alive_and_not_ready() {
    let app = TestApp::start().await;
    app.database.db_execute("ALTER TABLE users RENAME TO gone");
    app.get("/healthz").send().await.assert_status(200);
    let answer = app.get("/readyz").send().await.assert_problem(503, "unavailable");
    assert!(answer.json()["fields"]["database"].is_string());
    assert!(answer.header("retry-after").is_some());
}

#[actix_web::test]
async fn a_clock_that_is_off_is_told() {
    let app = TestApp::start().await;
    if !app.database.is_postgres() {
        return; // SQLite has no clock of its own.
    }
    app.clock.set(chrono::DateTime::from(std::time::UNIX_EPOCH));
    let answer = app.get("/readyz").send().await.assert_status(200);
    assert_eq!(answer.json()["clock"]["ok"], json!(false));
    assert!(answer.json()["clock"]["ahead_ms"].as_i64().unwrap() < -2000);
}

#[actix_web::test]
async fn a_database_error_is_never_a_verdict_on_a_token() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.database.db_execute("ALTER TABLE sessions RENAME TO gone");

    for answer in [app.refresh(&session.refresh_token).await, app.me(&session.refresh_token).await] {
        let answer = answer.assert_problem(503, "unavailable");
        assert!(answer.set_cookie().is_none());
        assert!(answer.header("retry-after").is_some());
    }

    app.database.db_execute("ALTER TABLE gone RENAME TO sessions");
    app.refresh(&session.refresh_token).await.assert_status(200);
}
