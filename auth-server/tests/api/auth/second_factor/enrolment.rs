//! `MFA=required`: a user without a second factor sets one up at the login.

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::{Response, evidence};

use crate::app::{PASSWORD, Session, TestApp, claims};
use crate::authenticator::{Authenticator, codes};

fn challenge(response: &Response) -> String {
    let challenge = response.json()["challenge"].as_str().expect("a challenge").to_owned();
    evidence::secret(&challenge);
    challenge
}

async fn enrol(app: &TestApp, challenge: &str) -> Response {
    app.post("/auth/login/enrol").json(&json!({"challenge": challenge, "kind": "totp"})).send().await
}

async fn confirm(app: &TestApp, challenge: &str, code: &str) -> Response {
    let body = json!({"challenge": challenge, "code": code});
    app.post("/auth/login/enrol/confirm").json(&body).send().await
}

async fn register(app: &TestApp, name: &str) -> Response {
    let user = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
    app.post("/auth/register").json(&user).send().await
}

#[actix_web::test]
async fn a_registration_sets_up_a_second_factor_before_there_is_a_session() {
    let app = TestApp::with(&["--mfa", "required"]).await;
    let response = register(&app, "ann").await.assert_problem(401, "mfa_enrolment_required");
    assert!(response.set_cookie().is_none() && response.json().get("methods").is_none());
    assert!(app.database.db_texts("SELECT id AS value FROM sessions").is_empty());
    let challenge = challenge(&response);
    let phone = Authenticator::of(&enrol(&app, &challenge).await.assert_status(200).json());
    confirm(&app, &challenge, &phone.wrong_code(&app)).await.assert_problem(401, "invalid_code");
    let confirmed = confirm(&app, &challenge, &phone.code(&app, 0)).await.assert_status(200);
    assert_eq!(codes(&confirmed.json()).len(), 10);
    let session = Session::of(&confirmed);
    let token = claims(&session.access_token);
    assert_eq!((&token["amr"], &token["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("mfa")));
    // Its tokens are not stale: the version grew before they were signed.
    app.get("/auth/me").bearer(&session.access_token).send().await.assert_status(200);
    confirm(&app, &challenge, &phone.code(&app, 1)).await.assert_problem(401, "challenge_expired");
    app.challenge("ann").await;
    let path = format!("/{}", phone.id);
    let last = app.change_factors(&session, awc::http::Method::DELETE, &path, &json!({})).await;
    last.assert_problem(409, "factor_required");
}

#[actix_web::test]
async fn a_user_who_has_none_gets_one_at_the_next_login() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let required = app.another_with(&["--mfa", "required"]).await.unwrap();
    let login = required.try_login("ann", &json!({})).await.assert_problem(401, "mfa_enrolment_required");
    let challenge = challenge(&login);
    // Not a challenge for an answer.
    required.answer(&challenge, &json!({"code": "123456"})).await.assert_problem(401, "challenge_expired");
    let phone = Authenticator::of(&enrol(&required, &challenge).await.assert_status(200).json());
    required.advance(TimeDelta::minutes(10));
    confirm(&required, &challenge, &phone.code(&app, 0)).await.assert_problem(401, "challenge_expired");
}

#[actix_web::test]
async fn a_factor_of_an_account_without_policy_is_asked_for_once_one_is_required() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    let phone = Authenticator::set_up(&app, &ann).await;
    app.database.db_execute("UPDATE users SET second_factor = FALSE");
    app.log_in("ann").await;
    let required = app.another_with(&["--mfa", "required"]).await.unwrap();
    app.advance(TimeDelta::seconds(30));
    let challenge = required.challenge("ann").await;
    required.answer(&challenge, &json!({"code": phone.code(&app, 0)})).await.assert_status(200);
}

#[actix_web::test]
async fn a_challenge_for_an_answer_enrols_nothing() {
    let app = TestApp::start().await;
    Authenticator::set_up(&app, &app.register("ann").await).await;
    let challenge = app.challenge("ann").await;
    enrol(&app, &challenge).await.assert_problem(401, "challenge_expired");
    let body: Value = enrol(&app, "lkc_unknown").await.assert_problem(401, "challenge_expired").json();
    assert_eq!(body.get("secret"), None);
}
