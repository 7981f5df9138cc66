use serde_json::json;

use crate::app::TestApp;

#[actix_web::test]
async fn a_running_server_is_live_and_ready() {
    let app = TestApp::start().await;
    app.get("/healthz").send().await.assert_status(200);
    let response = app.get("/readyz").send().await.assert_status(200);
    assert_eq!(response.json()["database"], json!({"ok": true}));
}

#[actix_web::test]
async fn a_server_without_its_tables_is_live_and_not_ready() {
    let app = TestApp::start().await;
    app.database.db_execute("ALTER TABLE users RENAME TO gone");
    app.get("/healthz").send().await.assert_status(200);
    let response = app.get("/readyz").send().await.assert_problem(503, "unavailable");
    assert!(response.json()["fields"]["database"].is_string());
    assert!(response.header("retry-after").is_some());
}

#[actix_web::test]
async fn readiness_reports_a_wrong_clock() {
    let app = TestApp::start().await;
    if !app.database.is_postgres() {
        return; // SQLite has no clock of its own.
    }
    app.clock.set(chrono::DateTime::from(std::time::UNIX_EPOCH));
    let response = app.get("/readyz").send().await.assert_status(200);
    assert_eq!(response.json()["clock"]["ok"], json!(false));
    assert!(response.json()["clock"]["ahead_ms"].as_i64().unwrap() < -2000);
}

#[actix_web::test]
async fn a_database_error_never_invalidates_a_token() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.database.db_execute("ALTER TABLE sessions RENAME TO gone");

    for response in [app.refresh(&session.refresh_token).await, app.me(&session.refresh_token).await] {
        let response = response.assert_problem(503, "unavailable");
        assert!(response.set_cookie().is_none());
        assert!(response.header("retry-after").is_some());
    }

    app.database.db_execute("ALTER TABLE gone RENAME TO sessions");
    app.refresh(&session.refresh_token).await.assert_status(200);
}

/// A response that was late, after actix had read the HEAD, had no body.
#[actix_web::test]
async fn pipelined_requests_get_their_own_responses() {
    use std::io::{Read as _, Write as _};
    let app = TestApp::start().await;
    let address = app.url.trim_start_matches("http://").to_owned();
    let talk = move || {
        let mut stream = std::net::TcpStream::connect(address).expect("a server");
        let requests = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nHEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(requests.as_bytes()).expect("the requests");
        let mut responses = String::new();
        stream.read_to_string(&mut responses).expect("the responses");
        responses
    };
    let responses = actix_web::web::block(talk).await.expect("an exchange");
    let parts: Vec<&str> = responses.split("\r\n\r\n").collect();
    let [_, body_and_head, nothing] = parts.as_slice() else { panic!("{responses}") };
    let (body, _) = body_and_head.split_once("HTTP/1.1 200").expect("the second response");
    assert!(body.starts_with('{') && nothing.is_empty(), "{responses}");
}
