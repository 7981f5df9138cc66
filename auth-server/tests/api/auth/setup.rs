//! The link that creates the first administrator.

use std::sync::Arc;

use auth_server::AuthServer;
use chrono::TimeDelta;
use futures_util::future::join_all;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use test_support::{Response, TestDatabase, evidence};

use crate::app::{ISSUER, PASSWORD, Session, TestApp, claims, settings};
use crate::program;

/// The link of another server on the same database.
async fn link(app: &TestApp) -> Option<String> {
    link_with(app, &[]).await
}

async fn link_with(app: &TestApp, flags: &[String]) -> Option<String> {
    let settings = settings(&app.database, flags).expect("settings");
    let server = AuthServer::build(&settings, Arc::new(app.clock.clone())).await.expect("a server");
    let link = server.setup_link().await.expect("a database");
    link.map(|link| link.expose_secret().to_owned())
}

async fn token(app: &TestApp) -> String {
    token_of(&link(app).await.expect("a link"))
}

fn token_of(link: &str) -> String {
    let token = link.strip_prefix(&format!("{ISSUER}/setup#")).expect("the page").to_owned();
    evidence::secret(&token);
    token
}

async fn set_up(app: &TestApp, token: &str, members: &Value) -> Response {
    let mut body = json!({"token": token, "email": "root@example.org", "password": PASSWORD});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    app.post("/auth/setup").json(&body).send().await
}

fn users(app: &TestApp) -> usize {
    app.database.db_texts("SELECT id AS value FROM users").len()
}

#[actix_web::test]
async fn the_link_of_an_empty_database_creates_the_first_administrator_although_registration_is_closed() {
    let app = TestApp::with(&["--registration", "closed"]).await;
    let token = token(&app).await;
    app.advance(TimeDelta::minutes(59));
    assert_eq!(link(&app).await, Some(format!("{ISSUER}/setup#{token}")), "two servers have two links");
    set_up(&app, &token, &json!({"password": "password1"})).await.assert_problem(422, "invalid_input");
    set_up(&app, &token, &json!({"email": "root"})).await.assert_problem(422, "invalid_input");
    assert!(!app.database.db_dump().contains(&token));

    let root = Session::of(&set_up(&app, &token, &json!({"name": "Root"})).await.assert_status(201));
    assert_eq!(claims(&root.access_token)["amr"], json!(["pwd"]));
    let me = app.get_json(&root, "/auth/me").await;
    assert_eq!(
        (&me["roles"], &me["email_verified"], &me["name"]),
        (&json!(["admin"]), &json!(true), &json!("Root"))
    );
    let events = app.get_json(&root, "/admin/events").await;
    let event =
        |kind: &str| events["items"].as_array().unwrap().iter().find(|event| event["type"] == kind).unwrap();
    assert_eq!(event("registered")["details"]["by"], json!("operator"));
    assert_eq!(
        event("roles_changed")["details"],
        json!({"before": [], "by": "operator", "roles": ["admin"]})
    );
    app.log_in("root").await;

    set_up(&app, &token, &json!({"email": "other@example.org"})).await.assert_problem(410, "link_invalid");
    assert_eq!((users(&app), link(&app).await), (1, None));
}

#[actix_web::test]
async fn of_twelve_requests_at_once_one_creates_the_administrator() {
    let one = TestApp::start().await;
    let other = one.another().await;
    let token = token(&one).await;
    let calls = (0..12).map(async |number| {
        let app = if number % 2 == 0 { &one } else { &other };
        set_up(app, &token, &json!({"email": format!("root{number}@example.org")})).await
    });
    let (created, rejected): (Vec<_>, Vec<_>) =
        join_all(calls).await.into_iter().partition(|response| response.status == 201);
    assert_eq!((created.len(), users(&one)), (1, 1));
    for response in rejected {
        response.assert_problem(410, "link_invalid");
    }
}

#[actix_web::test]
async fn a_link_that_is_expired_forged_or_of_another_database_creates_nothing() {
    let app = TestApp::start().await;
    let token = token(&app).await;
    let other = TestApp::start().await;
    for (app, token) in [(&other, token.as_str()), (&app, ""), (&app, "x"), (&app, &token[1..])] {
        set_up(app, token, &json!({})).await.assert_problem(410, "link_invalid");
    }
    let mut forged = token.clone();
    forged.replace_range(..8, "AAAAAGpu");
    set_up(&app, &forged, &json!({})).await.assert_problem(410, "link_invalid");
    app.advance(TimeDelta::hours(24));
    set_up(&app, &token, &json!({})).await.assert_problem(410, "link_invalid");
    assert_eq!((users(&app), users(&other)), (0, 0));
}

#[actix_web::test]
async fn guesses_are_limited_per_address() {
    let app = TestApp::with(&["--login-rate-per-ip", "3"]).await;
    let token = token(&app).await;
    for _ in 0..3 {
        set_up(&app, "guessed", &json!({})).await.assert_problem(410, "link_invalid");
    }
    set_up(&app, &token, &json!({})).await.assert_problem(429, "too_many_requests");
    assert_eq!(users(&app), 0);
}

/// Without a signing key, the time of its creation identifies a database.
#[actix_web::test]
async fn with_hs256_too_a_link_is_of_one_database() {
    let secret = "access-secret-of-the-tests-0123456789abc";
    let flags = ["--jwt-access-algorithm", "HS256", "--jwt-access-secret", secret];
    let (app, other) = (TestApp::with(&flags).await, TestApp::with(&flags).await);
    other.database.db_execute("UPDATE __diesel_schema_migrations SET run_on = '2029-12-31 00:00:00'");
    let token = token_of(&link_with(&app, &flags.map(str::to_owned)).await.expect("a link"));
    set_up(&other, &token, &json!({})).await.assert_problem(410, "link_invalid");
    set_up(&app, &token, &json!({})).await.assert_status(201);
    assert_eq!((users(&app), users(&other)), (1, 0));
}

#[actix_web::test]
async fn a_user_of_the_first_day_does_not_disable_the_link() {
    let app = TestApp::start().await;
    let token = token(&app).await;
    app.register("ann").await;
    set_up(&app, &token, &json!({})).await.assert_status(201);
    assert_eq!((users(&app), link(&app).await), (2, None));
}

#[actix_web::test]
async fn a_database_with_an_administrator_or_with_a_user_of_yesterday_offers_no_link() {
    let app = TestApp::start().await;
    let token = token(&app).await;
    app.db_administrator("ann").await;
    set_up(&app, &token, &json!({})).await.assert_problem(410, "link_invalid");
    assert_eq!((users(&app), link(&app).await), (1, None));

    let app = TestApp::start().await;
    app.register("ann").await;
    app.advance(TimeDelta::hours(24) + TimeDelta::seconds(1));
    assert_eq!(link(&app).await, None);
}

/// The only secret in a log.
#[actix_web::test]
async fn the_program_logs_the_link_while_the_database_is_new() {
    let database = TestDatabase::fresh();
    let start = async || program::start(&database, &[("ISSUER", "http://localhost:8080")]).await;
    let program = start().await;
    let log = program.kill();
    let lines = log.lines().filter(|line| line.contains("create the first administrator"));
    let [line] = lines.collect::<Vec<_>>()[..] else { panic!("{log}") };
    assert!(line.contains(" UTC: http://localhost:8080/setup#"), "{line}");
    database.db_execute("INSERT INTO users (id, email, password_hash, created_at) VALUES ('00000000-0000-4000-8000-000000000001', 'ann@example.org', '', '2026-01-01 00:00:00')");
    let log = start().await.kill();
    assert!(!log.contains("administrator"), "{log}");
}
