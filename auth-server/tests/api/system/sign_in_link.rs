//! The sign-in link of a program that hosts the server.

use std::sync::Arc;

use actix_web::rt;
use auth_server::AuthServer;
use awc::http::Method;
use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared_claims::testing::ManualClock;
use tempfile::TempDir;
use test_support::{Call, Response, TestDatabase, evidence};

use crate::app::{PASSWORD, TestApp, claims, settings};

const DEMO: [&str; 2] = ["--demo-api-url", "http://localhost:8081"];

/// A server with a link for ann, who registered at another server on the same database.
struct Host {
    url: String,
    app: TestApp,
    code: String,
}

impl Host {
    async fn start() -> Self {
        let app = TestApp::start().await;
        app.register("ann").await;
        Self::of(app).await.expect("a code")
    }

    /// `None` if there is no code for ann.
    async fn of(app: TestApp) -> Option<Self> {
        let server = server(&app.database, &app.clock, true).await;
        let code = server.sign_in_code("Ann@example.org").await.expect("a database")?;
        let (url, code) = (format!("http://{}", server.address()), code.expose_secret().to_owned());
        evidence::secret(&code);
        rt::spawn(server.run());
        Some(Self { url, app, code })
    }

    async fn follow(&self) -> Response {
        self.post(&json!({"code": self.code})).send().await
    }

    fn post(&self, body: &Value) -> Call {
        Call::new(Method::POST, format!("{}/demo/sign-in", self.url)).json(body)
    }

    fn assert_invalid(response: Response) {
        let response = response.assert_problem(401, "invalid_credentials");
        let problem = response.json();
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.contains("sign-in link")),
            "{problem}"
        );
        assert!(response.refresh_cookie().is_none());
    }
}

async fn server(database: &TestDatabase, clock: &ManualClock, has_link: bool) -> AuthServer {
    server_with(database, clock, has_link, &[]).await
}

pub async fn server_with(
    database: &TestDatabase,
    clock: &ManualClock,
    has_link: bool,
    flags: &[&str],
) -> AuthServer {
    let flags: Vec<String> = DEMO.iter().chain(flags).map(|flag| (*flag).to_owned()).collect();
    let mut settings = settings(database, &flags).expect("settings");
    settings.sign_in_link = has_link;
    AuthServer::build(&settings, Arc::new(clock.clone())).await.expect("a server")
}

#[actix_web::test]
async fn a_link_starts_a_session_once() {
    let host = Host::start().await;
    let response = host.follow().await.assert_status(200);
    assert_eq!(response.json()["user"]["email"], "ann@example.org");
    let cookie = response.header("set-cookie").expect("a cookie");
    assert!(cookie.contains("HttpOnly") && !cookie.contains("Max-Age"), "ends with the browser: {cookie}");
    let token = claims(response.json()["access_token"].as_str().expect("a token"));
    assert_eq!((&token["amr"], &token["acr"]), (&json!(["link"]), &json!("1fa")));
    let session = response.refresh_cookie().expect("a session");
    host.app.me(&session).await.assert_status(200);
    Host::assert_invalid(host.follow().await);
    host.app.me(&session).await.assert_status(200);
}

#[actix_web::test]
async fn of_many_who_follow_a_link_at_the_same_time_one_signs_in() {
    let host = Host::start().await;
    let all = futures_util::future::join_all((0..10).map(|_| host.follow())).await;
    assert_eq!(all.iter().filter(|response| response.status == 200).count(), 1);
}

#[actix_web::test]
async fn a_link_expires_after_ten_minutes() {
    for (seconds, status) in [(599, 200), (600, 401)] {
        let host = Host::start().await;
        host.app.advance(TimeDelta::seconds(seconds));
        host.follow().await.assert_status(status);
    }
}

#[actix_web::test]
async fn a_wrong_code_leaves_the_link_valid() {
    let host = Host::start().await;
    for code in ["", "wrong", &host.code[1..], &format!("{}x", host.code)] {
        Host::assert_invalid(host.post(&json!({"code": code})).send().await);
    }
    host.post(&json!({})).send().await.assert_problem(400, "malformed_request");
    host.follow().await.assert_status(200);
}

#[actix_web::test]
async fn pages_of_other_origins_cannot_use_a_link() {
    let host = Host::start().await;
    let request = host.post(&json!({"code": host.code})).header("origin", "https://evil.example");
    request.send().await.assert_problem(403, "origin_not_allowed");
    host.follow().await.assert_status(200);
}

#[actix_web::test]
async fn a_link_ends_the_session_of_the_same_browser() {
    let host = Host::start().await;
    let ben = host.app.register("ben").await;
    host.post(&json!({"code": host.code})).cookie(&ben.refresh_token).send().await.assert_status(200);
    host.app.me(&ben.refresh_token).await.assert_problem(401, "session_ended");
}

#[actix_web::test]
async fn a_changed_or_disabled_user_cannot_use_a_link() {
    let host = Host::start().await;
    let change = json!({"current_password": PASSWORD, "new_password": "another horse battery staple"});
    let session = host.app.log_in("ann").await;
    let request = host.app.post("/auth/password").cookie(&session.refresh_token);
    request.json(&change).send().await.assert_status(200);
    Host::assert_invalid(host.follow().await);

    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    app.database
        .db_execute(&format!("UPDATE users SET disabled_at = created_at WHERE id = '{}'", ann.user_id));
    assert!(Host::of(app).await.is_none(), "a disabled user gets no link");
    assert!(Host::of(TestApp::start().await).await.is_none(), "an unknown user gets no link");
}

#[actix_web::test]
async fn a_link_starts_no_session_without_a_verified_address_if_the_server_requires_one() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().display().to_string();
    let flags = [
        ["--email-verification", "required"],
        ["--mail-transport", "file"],
        ["--mail-dir", &path],
        ["--mail-from", "test@example.org"],
    ];
    let server = server_with(&app.database, &app.clock, true, flags.as_flattened()).await;
    let code = server.sign_in_code("ann@example.org").await.expect("a database").expect("a code");
    let (url, code) = (format!("http://{}", server.address()), code.expose_secret().to_owned());
    evidence::secret(&code);
    rt::spawn(server.run());
    let response = Host { url, app, code }.follow().await.assert_problem(401, "email_code_required");
    assert!(response.json()["continuation"].is_string() && response.set_cookie().is_none());
}

#[actix_web::test]
async fn a_database_error_does_not_use_the_link() {
    let host = Host::start().await;
    let database = &host.app.database;
    database.db_execute("ALTER TABLE sessions RENAME TO sessions_of_before");
    host.follow().await.assert_problem(503, "unavailable");
    database.db_execute("ALTER TABLE sessions_of_before RENAME TO sessions");
    host.follow().await.assert_status(200);
}

#[actix_web::test]
async fn a_server_that_no_other_program_hosts_has_no_links() {
    let app = TestApp::with(&DEMO).await;
    app.register("ann").await;
    app.post("/demo/sign-in").json(&json!({"code": "x"})).send().await.assert_problem(404, "not_found");
    let code: Option<SecretString> = server(&app.database, &app.clock, false)
        .await
        .sign_in_code("ann@example.org")
        .await
        .expect("a database");
    assert!(code.is_none());
    // Neither a flag nor a variable enables them.
    let error = settings(&app.database, &["--sign-in-link".to_owned()]).expect_err("no such flag");
    assert!(error.contains("unexpected argument"), "{error}");
    let error = settings(&app.database, &["--sign-in-link=true".to_owned()]).expect_err("no such flag");
    assert!(error.contains("unexpected argument"), "{error}");
}
