//! The client's address, with and without proxies.

use serde_json::json;
use test_support::TestDatabase;

use crate::app::{PASSWORD, Session, TestApp};
use crate::program;

const LIST: &str = "X-Forwarded-For";
const STANDARD: &str = "Forwarded";

type Headers<'a> = &'a [(&'a str, &'a str)];

/// The address in the session list after a registration with these headers.
async fn recorded_address(app: &TestApp, name: &str, headers: Headers<'_>) -> String {
    let user = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
    let call = app.post("/auth/register").json(&user);
    let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
    let session = Session::of(&call.send().await.assert_status(201));
    let list = app.get("/auth/sessions").cookie(&session.refresh_token).send().await.assert_status(200);
    list.json()["sessions"][0]["ip"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn behind_a_trusted_proxy_the_session_list_shows_the_client() {
    let app = TestApp::with(&["--trusted-proxies", "127.0.0.1, 10.0.0.0/8"]).await;
    let table: [(&str, Headers<'_>, &str); 6] = [
        ("ann", &[(LIST, "203.0.113.7")], "203.0.113.7"),
        ("bob", &[(LIST, "1.1.1.1, 203.0.113.7, 10.1.2.3")], "203.0.113.7"),
        ("cid", &[(LIST, "1.1.1.1"), (LIST, "203.0.113.7")], "203.0.113.7"),
        ("dan", &[(STANDARD, "for=\"[2001:db8::7]:4711\";proto=https")], "2001:db8::7"),
        ("eve", &[(LIST, "203.0.113.7"), (STANDARD, "for=1.1.1.1")], "127.0.0.1"),
        ("fay", &[], "127.0.0.1"),
    ];
    for (name, headers, expected) in table {
        assert_eq!(recorded_address(&app, name, headers).await, expected, "{headers:?}");
    }
}

#[actix_web::test]
async fn forwarding_headers_count_only_from_trusted_proxies() {
    for flags in [&[][..], &["--trusted-proxies", "127.0.0.2,10.0.0.0/8"]] {
        let app = TestApp::with(flags).await;
        assert_eq!(recorded_address(&app, "ann", &[(LIST, "203.0.113.7")]).await, "127.0.0.1");
        assert_eq!(recorded_address(&app, "bob", &[(STANDARD, "for=203.0.113.7")]).await, "127.0.0.1");
    }
}

/// The status of a login with a wrong password behind a proxy that appends the client's address.
async fn attempt(app: &TestApp, client: &str, written_by_the_client: &str) -> u16 {
    let list = format!("{written_by_the_client}{client}");
    let body = json!({"email": "ann@example.org", "password": "wrong"});
    app.post("/auth/login").header(LIST, &list).json(&body).send().await.status
}

#[actix_web::test]
async fn attempts_are_counted_per_client_of_a_proxy_and_no_header_evades_that() {
    let app = TestApp::with(&["--trusted-proxies", "127.0.0.1", "--login-rate-per-ip", "2"]).await;
    assert_eq!(attempt(&app, "203.0.113.7", "").await, 401);
    assert_eq!(attempt(&app, "203.0.113.7", "").await, 401);
    assert_eq!(attempt(&app, "203.0.113.7", "").await, 429);
    for written in ["1.1.1.1, ", "1.1.1.2, 1.1.1.3, ", "\", ", "127.0.0.1, ", "unknown, "] {
        assert_eq!(attempt(&app, "203.0.113.7", written).await, 429, "{written}");
    }
    let spoofed = json!({"email": "ann@example.org", "password": "wrong"});
    for number in 1..=3 {
        let forged = format!("for=198.51.100.{number}");
        let call = app.post("/auth/login").header(LIST, "203.0.113.7").header(STANDARD, &forged);
        let status = call.json(&spoofed).send().await.status;
        // Requests with conflicting headers share the limit of the proxy's own address.
        assert_eq!(status, if number <= 2 { 401 } else { 429 });
    }
    assert_eq!(attempt(&app, "203.0.113.8", "").await, 401, "other clients are not affected");
    assert_eq!(attempt(&app, "2001:db8::1", "").await, 401);
    assert_eq!(attempt(&app, "2001:db8::2", "").await, 401);
    assert_eq!(attempt(&app, "2001:db8::3", "").await, 429, "the whole /64 shares one limit");
}

#[actix_web::test]
async fn without_trusted_proxies_no_header_evades_the_limit() {
    let app = TestApp::with(&["--login-rate-per-ip", "2"]).await;
    for (number, status) in [(1, 401), (2, 401), (3, 429), (4, 429)] {
        assert_eq!(attempt(&app, &format!("198.51.100.{number}"), "").await, status);
    }
}

#[actix_web::test]
async fn a_header_from_an_untrusted_peer_is_logged_once() {
    let database = TestDatabase::fresh();
    let program = program::start(&database, &[]).await;
    let body = json!({"email": "ann@example.org", "password": "wrong"});
    for _ in 0..3 {
        let call = program.post("/auth/login").header(LIST, "203.0.113.7").json(&body);
        call.send().await.assert_status(401);
    }
    let log = program.kill();
    assert_eq!(log.matches("TRUSTED_PROXIES").count(), 1, "{log}");
    assert!(log.contains("ignoring X-Forwarded-For and Forwarded from 127.0.0.1"), "{log}");
}

/// Behind a proxy that is not trusted, all clients share the limit of its address.
#[actix_web::test]
async fn with_an_https_issuer_a_header_from_an_untrusted_peer_is_an_error_in_the_log() {
    for (name, value) in [(LIST, "203.0.113.7"), (STANDARD, "for=203.0.113.7")] {
        let database = TestDatabase::fresh();
        let program = program::start(&database, &[("ISSUER", "https://id.example.org")]).await;
        for _ in 0..3 {
            program.get("/healthz").header(name, value).send().await.assert_status(200);
        }
        let log = program.kill();
        let lines: Vec<_> = log.lines().filter(|line| line.contains("TRUSTED_PROXIES")).collect();
        assert!(lines.len() == 1 && lines[0].contains("ERROR"), "{log}");
        assert!(lines[0].contains("set TRUSTED_PROXIES=127.0.0.1"), "{log}");
    }
}

#[actix_web::test]
async fn conflicting_headers_are_logged_once() {
    let database = TestDatabase::fresh();
    let program = program::start(&database, &[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let body = json!({"email": "ann@example.org", "password": "wrong"});
    for _ in 0..3 {
        let call = program.post("/auth/login").header(LIST, "203.0.113.7").header(STANDARD, "for=1.1.1.1");
        call.json(&body).send().await.assert_status(401);
    }
    let log = program.kill();
    assert_eq!(log.matches("name different clients").count(), 1, "{log}");
}
