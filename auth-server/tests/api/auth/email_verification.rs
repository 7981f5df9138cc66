//! Verified addresses of users: after a registration, and before a login that requires one.

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::{Response, evidence};

use crate::app::{PASSWORD, Session, TestApp};
use crate::mailbox::MailApp;

const OPTIONAL: [&str; 2] = ["--email-verification", "optional"];
const REQUIRED: [&str; 2] = ["--email-verification", "required"];

async fn verify(app: &TestApp, body: &Value) -> Response {
    app.post("/auth/email/verify").json(body).send().await
}

async fn verify_as(app: &TestApp, by: &Session, body: &Value) -> Response {
    app.post("/auth/email/verify").cookie(&by.refresh_token).json(body).send().await
}

/// Requests a mail in this session. Returns the continuation.
async fn request(app: &TestApp, by: &Session) -> Response {
    app.post("/auth/email/verification").cookie(&by.refresh_token).send().await
}

fn continuation(response: &Response) -> String {
    let continuation = response.json()["continuation"].as_str().expect("a continuation").to_owned();
    // An `email_code_required` contains it for the client: no other error may.
    if response.status == 202 {
        evidence::secret(&continuation);
    }
    continuation
}

/// A user who registered before addresses had to be verified.
async fn unverified(app: &MailApp, name: &str) -> Session {
    app.another_with(&[]).await.expect("a server").register(name).await
}

#[actix_web::test]
async fn a_registration_sends_a_link_that_works_in_a_session_of_the_user() {
    let app = MailApp::with(&OPTIONAL).await;
    let (ann, bob) = (app.register("ann").await, app.register("bob").await);
    assert_eq!(app.get_json(&ann, "/auth/me").await["email_verified"], false);
    let (token, code) = app.link("ann@example.org", "verify").await;
    assert_eq!(code, None, "no page waits for a code");
    let body = json!({"token": token});
    verify(&app, &body).await.assert_problem(401, "missing_token");
    verify_as(&app, &bob, &body).await.assert_problem(410, "link_invalid");
    let with = |name: &str, value: &str| json!({"token": token, name: value});
    verify(&app, &with("continuation", "")).await.assert_problem(410, "link_invalid");
    verify(&app, &with("password", "wrong")).await.assert_problem(401, "invalid_credentials");
    verify_as(&app, &ann, &with("password", "wrong")).await.assert_problem(401, "invalid_credentials");
    assert_eq!(app.get_json(&ann, "/auth/me").await["email_verified"], false);

    let response = verify_as(&app, &ann, &body).await.assert_status(200);
    assert_eq!(
        (&response.json()["email_verified"], &response.json()["id"]),
        (&json!(true), &json!(ann.user_id))
    );
    assert!(response.set_cookie().is_none());
    assert_eq!(app.get_json(&ann, "/auth/me").await["email_verified"], true);
    assert_eq!(app.get_json(&ann, "/auth/events").await["items"][0]["type"], "email_verified");
    verify_as(&app, &ann, &body).await.assert_problem(410, "link_invalid");

    // Elsewhere the password does.
    let (token, _) = app.link("bob@example.org", "verify").await;
    verify(&app, &json!({"token": token, "password": PASSWORD})).await.assert_status(200);
    assert_eq!(app.get_json(&bob, "/auth/me").await["email_verified"], true);
}

#[actix_web::test]
async fn a_user_requests_a_code() {
    let app = MailApp::start().await;
    let (ann, bob) = (app.register("ann").await, app.register("bob").await);
    app.post("/auth/email/verification").send().await.assert_problem(401, "missing_token");
    let response = request(&app, &ann).await.assert_status(202);
    assert_eq!(response.json()["expires_in"], 86_400);
    let (_, code) = app.link("ann@example.org", "verify").await;
    let body = json!({"continuation": continuation(&response), "code": code});
    let of_bob = continuation(&request(&app, &bob).await.assert_status(202));
    let wrong = json!({"continuation": of_bob, "code": code});
    let wrong = verify_as(&app, &bob, &wrong).await.assert_problem(401, "invalid_code").json();
    assert_eq!(wrong["attempts_left"], 4);
    request(&app, &ann).await.assert_problem(429, "too_many_requests");
    verify_as(&app, &ann, &body).await.assert_status(200);
    // The address is verified now: no mail.
    app.advance(TimeDelta::minutes(2));
    request(&app, &ann).await.assert_status(202);
    app.settle().await;
    assert_eq!(app.mails("ann@example.org").len(), 1);
}

#[actix_web::test]
async fn a_link_verifies_only_the_address_that_it_was_sent_to() {
    let app = MailApp::start().await;
    let ann = app.register("ann").await;
    request(&app, &ann).await.assert_status(202);
    let (token, _) = app.link("ann@example.org", "verify").await;
    app.database.db_execute("UPDATE users SET email = 'other@example.org'");
    verify_as(&app, &ann, &json!({"token": token})).await.assert_problem(410, "link_invalid");
    assert_eq!(app.get_json(&ann, "/auth/me").await["email_verified"], false);
}

/// A registration must not fail because of the mail.
#[actix_web::test]
async fn a_registration_beyond_the_limits_of_mails_sends_none() {
    let app = MailApp::with(&[&OPTIONAL[..], &["--mail-rate-per-ip", "1"]].concat()).await;
    app.register("ann").await;
    app.register("bob").await;
    app.settle().await;
    assert_eq!((app.mails("ann@example.org").len(), app.mails("bob@example.org").len()), (1, 0));

    // Registering and deleting an account again and again does not flood a mailbox.
    let app = MailApp::with(&OPTIONAL).await;
    for _ in 0..2 {
        let ann = app.register("ann").await;
        app.call(awc::http::Method::DELETE, "/auth/me")
            .cookie(&ann.refresh_token)
            .send()
            .await
            .assert_status(204);
    }
    app.settle().await;
    let mails = app.database.db_texts("SELECT id AS value FROM mails WHERE kind = 'verify'");
    assert_eq!(mails.len(), 1);
}

#[actix_web::test]
async fn a_login_without_a_verified_address_requires_a_code_if_the_password_is_right() {
    let app = MailApp::with(&REQUIRED).await;
    unverified(&app, "ann").await;
    let wrong = app.try_login("ann", &json!({"password": "wrong"})).await;
    let unknown = app.try_login("nobody", &json!({"password": "wrong"})).await;
    let wrong = wrong.assert_problem(401, "invalid_credentials").text();
    assert_eq!(wrong, unknown.assert_problem(401, "invalid_credentials").text());
    assert!(app.database.db_texts("SELECT id AS value FROM proofs").is_empty());

    let response = app.try_login("ann", &json!({})).await.assert_problem(401, "email_code_required");
    assert!(response.set_cookie().is_none(), "no session");
    assert_eq!(response.json()["expires_in"], 86_400);
    let (token, code) = app.link("ann@example.org", "verify").await;
    // One mail a minute.
    app.try_login("ann", &json!({})).await.assert_problem(429, "too_many_requests");
    let sessions = "SELECT id AS value FROM sessions WHERE ended_at IS NULL";
    assert_eq!(app.database.db_texts(sessions).len(), 1);
    let body = json!({"continuation": continuation(&response), "code": code});
    assert_eq!(verify(&app, &body).await.assert_status(200).json()["email_verified"], true);
    app.log_in("ann").await;
    verify(&app, &json!({"token": token, "password": PASSWORD})).await.assert_problem(410, "link_invalid");
}

#[actix_web::test]
async fn right_passwords_that_start_no_session_are_no_failures() {
    let app = MailApp::with(&REQUIRED).await;
    unverified(&app, "ann").await;
    for _ in 0..7 {
        app.try_login("ann", &json!({})).await;
    }
    app.advance(TimeDelta::minutes(1));
    app.try_login("ann", &json!({})).await.assert_problem(401, "email_code_required");
    assert!(app.database.db_texts("SELECT account AS value FROM password_failures").is_empty());
}

#[actix_web::test]
async fn a_reset_verifies_the_address_and_the_user_can_log_in() {
    let app = MailApp::with(&REQUIRED).await;
    unverified(&app, "ann").await;
    app.post("/auth/password/forgot")
        .json(&json!({"email": "ann@example.org"}))
        .send()
        .await
        .assert_status(202);
    let (token, _) = app.link("ann@example.org", "reset").await;
    let new = "seven quiet maps paint an otter";
    let body = json!({"token": token, "new_password": new});
    app.post("/auth/password/reset").json(&body).send().await.assert_status(204);
    app.try_login("ann", &json!({"password": new})).await.assert_status(200);
}

/// The administrator saw the link, so it does not prove the mailbox.
#[actix_web::test]
async fn an_invitation_that_was_not_mailed_requires_a_code() {
    let app = MailApp::with(&REQUIRED).await;
    let without_mail = app.another_with(&[]).await.expect("a server");
    let root = without_mail.db_administrator("root").await;
    let body = json!({"email": "ann@example.org"});
    let invited =
        without_mail.post("/admin/invitations").cookie(&root.refresh_token).json(&body).send().await;
    let invitation = invited.assert_status(201).json();
    let (_, token) = invitation["link"].as_str().and_then(|link| link.split_once('#')).expect("a link");
    evidence::secret(token);
    let body = json!({"token": token, "password": PASSWORD});
    let response = app.post("/auth/invitations/accept").json(&body).send().await;
    let response = response.assert_problem(401, "email_code_required");
    assert!(response.set_cookie().is_none());
    let without_login = "SELECT email AS value FROM users WHERE last_login_at IS NULL";
    assert_eq!(app.database.db_texts(without_login), ["ann@example.org"]);
    let (_, code) = app.link("ann@example.org", "verify").await;
    verify(&app, &json!({"continuation": continuation(&response), "code": code})).await.assert_status(200);
    app.log_in("ann").await;
}

#[actix_web::test]
async fn malformed_verifications_are_rejected() {
    let app = MailApp::start().await;
    for (body, field) in [
        (json!({}), "token"),
        (json!({"token": "x", "code": "1"}), "token"),
        (json!({"code": "1", "password": "x"}), "continuation"),
        (json!({"continuation": "1"}), "code"),
        (json!({"token": "x", "password": ""}), "password"),
        (json!({"token": "x", "remember": true}), "remember"),
    ] {
        let problem = verify(&app, &body).await.assert_problem(422, "invalid_input").json();
        assert!(problem["fields"][field].is_string(), "{problem}");
    }
    let without_mail = TestApp::start().await;
    for path in ["/auth/email/verify", "/auth/email/verification", "/auth/register/confirm"] {
        without_mail.post(path).json(&json!({})).send().await.assert_problem(404, "not_found");
    }
}
