//! `MFA=required` with mail: a code from the mailbox comes before the new second factor, so that a thief of the password does not
//! choose it.

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::{Response, evidence};

use crate::app::{PASSWORD, Session, TestApp, claims};
use crate::authenticator::Authenticator;
use crate::mailbox::{Mail, MailApp};

/// A user with a verified address and no second factor.
async fn app_with_user() -> MailApp {
    let app = MailApp::with(&["--mfa", "required"]).await;
    let ann = json!({"email": "ann@example.org", "password": PASSWORD});
    app.post("/auth/register").json(&ann).send().await.assert_problem(401, "mfa_enrolment_required");
    verify(&app);
    app
}

fn verify(app: &TestApp) {
    app.database.db_execute("UPDATE users SET email_verified_at = created_at");
}

async fn challenge(app: &TestApp) -> String {
    let login = app.try_login("ann", &json!({})).await.assert_problem(401, "mfa_enrolment_required");
    let challenge = login.json()["challenge"].as_str().expect("a challenge").to_owned();
    evidence::secret(&challenge);
    challenge
}

async fn enrol(app: &TestApp, challenge: &str, more: &Value) -> Response {
    let mut body = json!({"challenge": challenge, "kind": "totp"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post("/auth/login/enrol").json(&body).send().await
}

async fn request_code(app: &MailApp, challenge: &str) -> String {
    enrol(app, challenge, &json!({})).await.assert_problem(401, "email_code_required");
    app.mail("ann@example.org").await.code().expect("a code")
}

async fn confirm(app: &TestApp, challenge: &str, code: &str) -> Response {
    let body = json!({"challenge": challenge, "code": code});
    app.post("/auth/login/enrol/confirm").json(&body).send().await
}

#[actix_web::test]
async fn a_password_alone_sets_up_no_second_factor() {
    let app = app_with_user().await;
    let challenge = challenge(&app).await;
    let required = enrol(&app, &challenge, &json!({})).await.assert_problem(401, "email_code_required");
    assert!(required.json().get("secret").is_none() && required.json().get("continuation").is_none());
    // Neither kind, nor the second call, is a way round.
    enrol(&app, &challenge, &json!({"kind": "passkey"})).await.assert_problem(401, "email_code_required");
    confirm(&app, &challenge, "123456").await.assert_problem(401, "email_code_required");
    assert!(app.database.db_texts("SELECT id AS value FROM totp_factors").is_empty());
    assert!(app.database.db_texts("SELECT id AS value FROM sessions").is_empty());

    let mail = app.mail("ann@example.org").await;
    assert!(!mail.text.contains("/enrol"), "a link: {}", mail.text);
    let code = mail.code().expect("a code");
    assert!(!app.database.db_dump().contains(&code));
    let wrong = enrol(&app, &challenge, &json!({"email_code": "00000000"})).await;
    assert_eq!(wrong.assert_problem(401, "invalid_code").json()["attempts_left"], 4);
    let short = enrol(&app, &challenge, &json!({"email_code": "1234"})).await;
    assert!(short.assert_problem(422, "invalid_input").json()["fields"]["email_code"].is_string());
    let entered = json!({"email_code": format!("{} {}", &code[..4], &code[4..])});
    enrol(&app, &challenge, &entered).await.assert_status(200);
    let used = "SELECT purpose AS value FROM proofs WHERE used_at IS NOT NULL";
    assert_eq!(app.database.db_texts(used), ["enrol"]);
    // If that response was lost: the challenge knows that the code was entered.
    let phone = Authenticator::of(&enrol(&app, &challenge, &entered).await.assert_status(200).json());
    let session = Session::of(&confirm(&app, &challenge, &phone.code(&app, 0)).await.assert_status(200));
    assert_eq!(claims(&session.access_token)["amr"], json!(["pwd", "otp", "mfa"]));
}

#[actix_web::test]
async fn the_code_is_valid_only_with_its_challenge_and_for_ten_minutes() {
    let app = app_with_user().await;
    let first = challenge(&app).await;
    let code = request_code(&app, &first).await;
    let second = challenge(&app).await;
    let body = json!({"email_code": code});
    enrol(&app, &second, &body).await.assert_problem(401, "challenge_expired");
    app.advance(TimeDelta::minutes(10));
    enrol(&app, &first, &body).await.assert_problem(401, "challenge_expired");
    // Nor is the code of a verification one for this.
    let third = challenge(&app).await;
    app.advance(TimeDelta::minutes(2));
    request_code(&app, &third).await;
    app.database.db_execute("UPDATE proofs SET purpose = 'verify' WHERE used_at IS NULL");
    app.settle().await;
    for mail in app.mails("ann@example.org") {
        let body = json!({"email_code": mail.code()});
        enrol(&app, &third, &body).await.assert_problem(401, "challenge_expired");
    }
}

#[actix_web::test]
async fn the_fifth_wrong_code_ends_the_challenge() {
    let app = app_with_user().await;
    let challenge = challenge(&app).await;
    let code = request_code(&app, &challenge).await;
    for left in (0..5).rev() {
        let wrong = enrol(&app, &challenge, &json!({"email_code": "00000000"})).await;
        assert_eq!(wrong.assert_problem(401, "invalid_code").json()["attempts_left"], left);
        // The waits of the throttle.
        app.advance(TimeDelta::seconds(61));
    }
    let body = json!({"email_code": code});
    enrol(&app, &challenge, &body).await.assert_problem(401, "challenge_expired");
    enrol(&app, &challenge, &json!({})).await.assert_problem(401, "challenge_expired");
    let open = "SELECT kind AS value FROM login_challenges WHERE kind = 'enrolment_with_mailed_code'";
    assert!(app.database.db_texts(open).is_empty());
}

#[actix_web::test]
async fn a_repeated_request_sends_the_same_code_at_most_once_a_minute() {
    let app = app_with_user().await;
    let challenge = challenge(&app).await;
    let code = request_code(&app, &challenge).await;
    for _ in 0..3 {
        request_code(&app, &challenge).await;
    }
    app.settle().await;
    assert_eq!(app.mails("ann@example.org").len(), 1);
    app.advance(TimeDelta::seconds(61));
    request_code(&app, &challenge).await;
    app.settle().await;
    let codes: Vec<_> = app.mails("ann@example.org").iter().map(Mail::code).collect();
    assert_eq!(codes, vec![Some(code.clone()); 2]);
    enrol(&app, &challenge, &json!({"email_code": code})).await.assert_status(200);
}

#[actix_web::test]
async fn no_code_is_asked_for_without_mail_or_a_verified_address_or_after_the_mailed_link() {
    let app = MailApp::with(&["--mfa", "required", "--email-verification", "required"]).await;
    let ann = json!({"email": "ann@example.org", "password": PASSWORD});
    let registered = app.post("/auth/register").json(&ann).send().await.assert_status(202).json();
    let (_, code) = app.link("ann@example.org", "register").await;
    let body = json!({"continuation": registered["continuation"], "code": code});
    let confirmed = app.post("/auth/register/confirm").json(&body).send().await;
    let confirmed = confirmed.assert_problem(401, "mfa_enrolment_required").json();
    enrol(&app, confirmed["challenge"].as_str().unwrap(), &json!({})).await.assert_status(200);

    let app = app_with_user().await;
    app.database.db_execute("UPDATE users SET email_verified_at = NULL");
    enrol(&app, &challenge(&app).await, &json!({})).await.assert_status(200);

    let without_mail = TestApp::with(&["--mfa", "required"]).await;
    without_mail.post("/auth/register").json(&ann).send().await.assert_problem(401, "mfa_enrolment_required");
    verify(&without_mail);
    enrol(&without_mail, &challenge(&without_mail).await, &json!({})).await.assert_status(200);
}

#[actix_web::test]
async fn a_change_of_the_user_ends_the_challenge() {
    let app = app_with_user().await;
    let challenge = challenge(&app).await;
    let code = request_code(&app, &challenge).await;
    app.database.db_execute("UPDATE users SET version = version + 1");
    enrol(&app, &challenge, &json!({"email_code": code})).await.assert_problem(401, "challenge_expired");
}
