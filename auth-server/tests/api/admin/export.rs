//! `GET /admin/events.csv`.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::app::TestApp;

#[actix_web::test]
async fn events_are_exported_with_the_same_filters_and_without_formulas() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    app.db_add_events(&ann, 2_500);
    for agent in ["=HYPERLINK(1)", "+1", "-1", "@x", "\"quoted\", text"] {
        let body = serde_json::json!({"email": "ann@example.org", "password": crate::app::PASSWORD});
        app.post("/auth/login").header("user-agent", agent).json(&body).send().await.assert_status(200);
    }
    let export = async |query: &str| {
        let call = app.get(&format!("/admin/events.csv{query}")).cookie(&root.refresh_token);
        call.send().await.assert_status(200)
    };
    let response = export("").await;
    assert_eq!(response.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(response.header("content-disposition"), Some("attachment; filename=\"events.csv\""));
    let text = response.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "at,type,user_id,session_id,ip,user_agent,device,details");
    // The logins, two registrations, the key and the others.
    assert_eq!(lines.len(), 1 + 5 + 3 + 2_500);
    for cell in ["'=HYPERLINK(1)", "'+1", "'-1", "'@x", "\"\"\"quoted\"\", text\""] {
        assert!(text.contains(&format!(",{cell},")), "{cell}");
    }
    assert!(
        lines[6..]
            .iter()
            .all(|line| line.starts_with("2029-12") || line.starts_with("2030-01-01T00:00:00Z,"))
    );
    let filtered = export(&format!("?type=registered&type=login_succeeded&user={}", ann.user_id)).await;
    assert_eq!(filtered.text().lines().count(), 1 + 6);
    let wrong = app.get("/admin/events.csv?limit=1").cookie(&root.refresh_token).send().await;
    wrong.assert_problem(422, "invalid_input");
    app.get("/admin/events.csv").cookie(&ann.refresh_token).send().await.assert_problem(403, "role_required");
}

#[actix_web::test]
async fn an_export_ends_when_the_user_is_no_administrator_any_more() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let second = app.db_administrator("second").await;
    let ann = app.register("ann").await;
    app.db_add_events(&ann, 90_000);
    let address = app.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).expect("a connection");
    let cookie = &second.refresh_token;
    let request = format!(
        "GET /admin/events.csv HTTP/1.1\r\nhost: {address}\r\ncookie: __Host-refresh_token={cookie}\r\nconnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut start = [0; 1_000];
    connection.read_exact(&mut start).unwrap();
    assert!(start.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&start));
    app.change_user(&root, &second.user_id, &json!({"roles": []})).await.assert_status(200);
    let rest = actix_web::rt::task::spawn_blocking(move || {
        let mut rest = Vec::new();
        // The connection may be reset.
        let _ = connection.read_to_end(&mut rest);
        rest
    });
    let rest = String::from_utf8_lossy(&rest.await.unwrap()).into_owned();
    assert!(rest.lines().count() < 90_000 && !rest.ends_with("0\r\n\r\n"));
}
