//! Request ids connect a response with its log lines.

use awc::http::Method;
use serde_json::{Value, json};
use test_support::{Response, TestDatabase};

use crate::app::{PASSWORD, TestApp};
use crate::program;

fn id(response: &Response) -> String {
    let id = response.header("x-request-id").expect("an id").to_owned();
    assert_eq!(response.headers.get_all("x-request-id").count(), 1);
    assert!((1..=64).contains(&id.len()), "{id}");
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{id}");
    id
}

#[actix_web::test]
async fn every_response_has_a_unique_id() {
    let app = TestApp::with(&["--allowed-origins", "https://app.example.org"]).await;
    let stranger = ("origin", "https://elsewhere.example");
    let allowed = ("origin", "https://app.example.org");
    let preflight = ("access-control-request-method", "POST");
    let responses = [
        (200, app.get("/healthz").send().await),
        (200, app.get("/healthz").send().await),
        (404, app.get("/nowhere").send().await),
        (405, app.post("/healthz").send().await),
        (401, app.get("/auth/me").send().await),
        (415, app.post("/auth/login").raw("x").send().await),
        (413, app.post("/auth/login").json(&json!("x".repeat(20_000))).send().await),
        (403, app.post("/auth/login").header(stranger.0, stranger.1).send().await),
        (200, call(&app, "/auth/login", &[allowed, preflight]).await),
        (403, call(&app, "/auth/login", &[stranger, preflight]).await),
    ];
    let mut ids: Vec<String> = Vec::new();
    for (status, response) in responses {
        assert_eq!(response.status, status, "{}", response.text());
        ids.push(id(&response));
    }
    let read = app.get("/auth/me").header(allowed.0, allowed.1).send().await;
    let exposed = read.header("access-control-expose-headers").expect("headers that a page may read");
    assert!(exposed.to_lowercase().contains("x-request-id"), "{exposed}");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10, "{ids:?}");
}

async fn call(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Response {
    let call = app.call(Method::OPTIONS, path);
    headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await
}

#[actix_web::test]
async fn a_request_id_is_accepted_from_trusted_proxies_only_and_if_valid() {
    let given = "4bf92f35-77b3.4da6_A3CE";
    let app = TestApp::with(&["--trusted-proxies", "127.0.0.1"]).await;
    let of = |value: &str| app.get("/healthz").header("X-Request-Id", value);
    assert_eq!(id(&of(given).send().await), given);
    let rejected = app.post("/auth/login").header("origin", "https://elsewhere.example");
    assert_eq!(id(&rejected.header("X-Request-Id", given).send().await), given);
    let too_long = "x".repeat(65);
    for wrong in ["", "two words", "a,b", "<script>", &too_long] {
        assert_ne!(id(&of(wrong).send().await), wrong);
    }
    let twice = id(&of("one").header("X-Request-Id", "other").send().await);
    assert!(!["one", "other"].contains(&twice.as_str()), "two ids are ambiguous");

    for flags in [&[][..], &["--trusted-proxies", "127.0.0.2"]] {
        let app = TestApp::with(flags).await;
        assert_ne!(id(&app.get("/healthz").header("X-Request-Id", given).send().await), given);
    }
}

#[actix_web::test]
async fn log_lines_contain_the_request_id() {
    let database = TestDatabase::fresh();
    let program =
        program::start(&database, &[("LOG_FORMAT", "json"), ("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    let registered = program
        .post("/auth/register?token=not-for-the-log")
        .header("X-Forwarded-For", "203.0.113.7")
        .json(&user)
        .send()
        .await
        .assert_status(201);
    let unknown = program.get("/%0A/no%20where").send().await.assert_status(404);
    program.get("/readyz").send().await.assert_status(200);
    let log = program.kill();
    assert!(!log.contains("not-for-the-log"), "{log}");
    assert!(!log.contains("/readyz"), "successful health checks are not logged: {log}");

    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let about = |response: &Response, target: &str| {
        let matches =
            |line: &&Value| line["request_id"] == json!(id(response)) && line["target"] == json!(target);
        let found: Vec<&Value> = lines.iter().filter(matches).collect();
        assert_eq!(found.len(), 1, "{target}: {log}");
        found[0].clone()
    };
    let message = |line: &Value| line["message"].as_str().expect("a message").to_owned();
    let event = about(&registered, "security");
    assert!(message(&event).starts_with("registered session="), "{event}");
    assert_eq!(event["event"], "registered");
    assert_eq!(event["user"], registered.json()["user"]["id"]);
    assert!(message(&event).contains(&format!("session={}", event["session"].as_str().expect("an id"))));
    assert_eq!(event["ip"], "203.0.113.7");
    let line = about(&registered, "access");
    let fields = ["method", "path", "status", "ip"].map(|name| line[name].clone());
    assert_eq!(json!(fields), json!(["POST", "/auth/register", 201, "203.0.113.7"]));
    let access = message(&line);
    assert!(
        access.starts_with("POST /auth/register 201 ") && access.ends_with(" ms 203.0.113.7"),
        "{access}"
    );
    let milliseconds: f64 = access.split(' ').nth(3).unwrap().parse().unwrap();
    assert!((0.1..30_000.0).contains(&milliseconds), "{access}");
    assert_eq!(line["duration_ms"].as_f64(), Some(milliseconds));
    let access = message(&about(&unknown, "access"));
    assert!(access.starts_with("GET /%0A/no%20where 404 "), "{access}");
    let listening = lines.iter().find(|line| line["message"].as_str().unwrap().starts_with("listening"));
    assert_eq!(listening.expect("a line")["request_id"], Value::Null);
}

/// A resource server polls about once a second.
#[actix_web::test]
async fn polls_of_the_revocation_feed_are_logged_at_debug_unless_they_fail() {
    for (filter, expected) in [("info", vec!["401"]), ("debug", vec!["200", "401"])] {
        let database = TestDatabase::fresh();
        let token = "feed-token-of-the-tests-0123456789abcdef";
        let variables = [("REVOCATION_FEED_TOKEN", token), ("RUST_LOG", filter)];
        let program = program::start(&database, &variables).await;
        let poll = |token| program.get("/revocations").bearer(token).send();
        poll(token).await.assert_status(200);
        poll("another").await.assert_status(401);
        let log = program.kill();
        let lines = log.lines().filter_map(|line| line.split_once(" GET /revocations "));
        let statuses: Vec<&str> = lines.filter_map(|(_, rest)| rest.split(' ').next()).collect();
        assert_eq!(statuses, expected, "{log}");
    }
}

#[actix_web::test]
async fn in_text_logs_the_id_precedes_the_message() {
    let database = TestDatabase::fresh();
    let program = program::start(&database, &[]).await;
    let response = program.get("/auth/me").send().await.assert_status(401);
    let log = program.kill();
    let expected = format!(" INFO  access [{}] GET /auth/me 401 ", id(&response));
    assert_eq!(log.matches(&expected).count(), 1, "{log}");
    assert!(log.contains(" INFO  auth_server listening on "), "{log}");
}
