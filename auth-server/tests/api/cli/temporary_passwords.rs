//! A password that an operator sets must be replaced at the first login.

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared_claims::testing::ManualClock;
use shared_claims::{Clock, SystemClock};
use test_support::{Response, TestDatabase, evidence};

use crate::app::{PASSWORD, Session, TestApp, claims};
use crate::command;

const TEMPORARY: &str = "a password of the operator";
/// The same in another form of Unicode would be equal, so it has an umlaut.
const OWN: &str = "my own K\u{e4}sekuchen";

/// Commands use the real time, so the server does too.
async fn start() -> TestApp {
    [TEMPORARY, OWN].into_iter().for_each(evidence::secret);
    let clock = ManualClock::at(SystemClock.now());
    TestApp::launch(Arc::new(TestDatabase::fresh()), clock, Vec::new()).await.expect("a server")
}

fn operator(app: &TestApp, command: &[&str]) {
    let arguments = [&["users"], command, &["ann@example.org", "--password-stdin"]].concat();
    command::run_with_input(&app.database, &arguments, &[], TEMPORARY).assert_succeeded();
}

async fn log_in(app: &TestApp, password: &str, new: Option<&str>) -> Response {
    let mut members = json!({"password": password});
    if let Some(new) = new {
        members["new_password"] = json!(new);
    }
    app.try_login("ann", &members).await
}

fn field(response: &Response) -> Value {
    response.json()["fields"]["new_password"].clone()
}

#[actix_web::test]
async fn a_password_of_an_operator_opens_a_session_only_when_it_is_replaced() {
    let app = start().await;
    operator(&app, &["create"]);
    assert_replaced_at_login(&app).await;

    operator(&app, &["reset-password"]);
    log_in(&app, OWN, None).await.assert_problem(401, "invalid_credentials");
    assert_replaced_at_login(&app).await;
}

async fn assert_replaced_at_login(app: &TestApp) {
    let sessions = || app.database.db_texts("SELECT id AS value FROM sessions WHERE ended_at IS NULL");
    log_in(app, "wrong", None).await.assert_problem(401, "invalid_credentials");
    log_in(app, "wrong", Some(OWN)).await.assert_problem(401, "invalid_credentials");
    let required = log_in(app, TEMPORARY, None).await.assert_problem(403, "password_change_required");
    assert!(required.header("set-cookie").is_none() && !required.text().contains(TEMPORARY));

    for (new, reason) in [
        ("short", "must be at least 9 characters long"),
        (TEMPORARY, "must differ from the current password"),
        ("", "must not be empty"),
    ] {
        let rejected = log_in(app, TEMPORARY, Some(new)).await.assert_problem(422, "invalid_input");
        assert_eq!(field(&rejected), reason);
    }
    let weak = log_in(app, TEMPORARY, Some("ann@example.org")).await.assert_problem(422, "invalid_input");
    assert!(field(&weak).as_str().is_some_and(|reason| reason.starts_with("is too easy to guess")));
    assert!(sessions().is_empty());

    let session = Session::of(&log_in(app, TEMPORARY, Some(OWN)).await.assert_status(200));
    assert_eq!(sessions().len(), 1);
    let version = app.database.db_text("SELECT CAST(version AS TEXT) AS value FROM users");
    assert_eq!(claims(&session.access_token)["uv"].to_string(), version);
    let events = "SELECT type AS value FROM events WHERE session_id IS NOT NULL OR details = '{}' ORDER BY id DESC LIMIT 2";
    assert_eq!(app.database.db_texts(events), ["login_succeeded", "password_changed"]);

    log_in(app, TEMPORARY, None).await.assert_problem(401, "invalid_credentials");
    log_in(app, TEMPORARY, Some(OWN)).await.assert_problem(401, "invalid_credentials");
    let session = Session::of(&log_in(app, OWN, None).await.assert_status(200));
    app.refresh(&session.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_password_of_an_operator_expires_after_a_day() {
    let app = start().await;
    operator(&app, &["create"]);
    app.advance(TimeDelta::hours(24) - TimeDelta::minutes(1));
    log_in(&app, TEMPORARY, None).await.assert_problem(403, "password_change_required");
    app.advance(TimeDelta::minutes(2));
    // The response does not reveal that the password was right once.
    let expired = log_in(&app, TEMPORARY, Some(OWN)).await.assert_problem(401, "invalid_credentials");
    let wrong = log_in(&app, "wrong", Some(OWN)).await.assert_problem(401, "invalid_credentials");
    assert_eq!(expired.json()["detail"], wrong.json()["detail"]);

    operator(&app, &["reset-password"]);
    log_in(&app, TEMPORARY, Some(OWN)).await.assert_problem(401, "invalid_credentials");
    app.clock.set(SystemClock.now());
    log_in(&app, TEMPORARY, Some(OWN)).await.assert_status(200);
    app.advance(TimeDelta::hours(25));
    log_in(&app, OWN, None).await.assert_status(200);
}

#[actix_web::test]
async fn one_of_two_concurrent_replacements_succeeds() {
    let app = start().await;
    operator(&app, &["create"]);
    let new = |number: usize| format!("{OWN} {number}");
    let logins = join_all((0..2).map(|number| {
        let (app, new) = (&app, new(number));
        async move { log_in(app, TEMPORARY, Some(&new)).await }
    }));
    let statuses: Vec<u16> = logins.await.iter().map(|response| response.status).collect();
    let winner = statuses.iter().position(|status| *status == 200).expect("one succeeds");
    assert_eq!(statuses[1 - winner], 401);
    log_in(&app, &new(winner), None).await.assert_status(200);
    log_in(&app, &new(1 - winner), None).await.assert_problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn a_new_password_is_rejected_where_none_is_required() {
    let app = start().await;
    app.register("ann").await;
    let rejected = log_in(&app, PASSWORD, Some(OWN)).await.assert_problem(422, "invalid_input");
    assert_eq!(field(&rejected), "is accepted only after password_change_required");
    log_in(&app, "wrong", Some(OWN)).await.assert_problem(401, "invalid_credentials");
    log_in(&app, PASSWORD, None).await.assert_status(200);
}

#[actix_web::test]
async fn a_password_typed_in_another_form_of_unicode_is_the_operators_too() {
    let app = start().await;
    let arguments = ["users", "create", "ann@example.org", "--password-stdin"];
    command::run_with_input(&app.database, &arguments, &[], "Ka\u{308}sekuchen fu\u{308}r Ann")
        .assert_succeeded();
    log_in(&app, "K\u{e4}sekuchen f\u{fc}r Ann", None).await.assert_problem(403, "password_change_required");
}
