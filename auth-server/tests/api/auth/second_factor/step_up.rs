//! A session becomes stronger by a second factor, and only the tokens of the request that proved it.

use awc::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::Response;

use crate::app::{PASSWORD, Session, TestApp, claims};
use crate::authenticator::Authenticator;

const KEY: &str = "0123456789abcdefghijklmnop";

/// A session from before the second factor was turned on.
async fn weak_session() -> (TestApp, Session, Authenticator) {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let phone = Authenticator::of(&Authenticator::add(&app, &session).await.assert_status(201).json());
    phone.confirm(&app, &session, &json!({})).await.assert_status(200);
    app.advance(TimeDelta::seconds(30));
    (app, session, phone)
}

async fn reauthenticate(app: &TestApp, token: &str, proof: &Value) -> Response {
    app.post("/auth/reauthenticate").cookie(token).header("Idempotency-Key", KEY).json(proof).send().await
}

fn acr(session: &Session) -> Value {
    claims(&session.access_token)["acr"].clone()
}

#[actix_web::test]
async fn with_a_second_factor_the_password_alone_changes_nothing() {
    let (app, session, phone) = weak_session().await;
    let problem = reauthenticate(&app, &session.refresh_token, &json!({"password": PASSWORD})).await;
    let problem = problem.assert_problem(403, "stronger_login_required").json();
    assert_eq!(
        (&problem["acr_values"], &problem["methods"]),
        (&json!(["mfa"]), &json!(["totp", "recovery_code"]))
    );
    let token = &session.refresh_token;
    let change = json!({"current_password": PASSWORD, "new_password": "another horse battery staple"});
    let path = format!("/{}", phone.id);
    for response in [
        app.call(Method::DELETE, "/auth/me").cookie(token).send().await,
        app.post("/auth/password").cookie(token).json(&change).send().await,
        app.call(Method::DELETE, "/auth/sessions").cookie(token).send().await,
        app.call(Method::PATCH, "/auth/me").cookie(token).json(&json!({"username": "ann"})).send().await,
        Authenticator::add(&app, &session).await,
        app.change_factors(&session, Method::PATCH, "", &json!({"second_factor": false})).await,
        app.change_factors(&session, Method::PATCH, &path, &json!({"name": "phone"})).await,
        app.change_factors(&session, Method::DELETE, &path, &json!({})).await,
        app.change_factors(&session, Method::POST, "/recovery-codes", &json!({})).await,
    ] {
        let problem = response.assert_problem(403, "stronger_login_required");
        assert!(problem.header("www-authenticate").unwrap().contains(r#"acr_values="mfa""#));
    }
}

#[actix_web::test]
async fn a_code_makes_the_session_strong_and_fresh() {
    let (app, session, phone) = weak_session().await;
    app.advance(TimeDelta::minutes(10));
    let wrong = json!({"code": phone.wrong_code(&app)});
    reauthenticate(&app, &session.refresh_token, &wrong).await.assert_problem(401, "invalid_code");
    let code = json!({"code": phone.code(&app, 0)});
    let strong = Session::of(&reauthenticate(&app, &session.refresh_token, &code).await.assert_status(200));
    let token = claims(&strong.access_token);
    assert_eq!((&token["amr"], &token["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("mfa")));
    app.advance(TimeDelta::seconds(11));
    let renewed = Session::of(&app.refresh(&strong.refresh_token).await.assert_status(200));
    assert_eq!(acr(&renewed), "mfa");
    app.call(Method::DELETE, "/auth/me").cookie(&renewed.refresh_token).send().await.assert_status(204);
}

#[actix_web::test]
async fn a_strong_session_that_is_not_fresh_wants_a_code_and_not_the_password() {
    let (app, session, phone) = weak_session().await;
    let code = json!({"code": phone.code(&app, 0)});
    let strong = Session::of(&reauthenticate(&app, &session.refresh_token, &code).await.assert_status(200));
    app.advance(TimeDelta::seconds(301));
    let delete = app.call(Method::DELETE, "/auth/me").cookie(&strong.refresh_token).send().await;
    delete.assert_problem(403, "fresh_login_required");
    let password = json!({"password": PASSWORD});
    let response = reauthenticate(&app, &strong.refresh_token, &password).await;
    response.assert_problem(403, "stronger_login_required");
}

#[actix_web::test]
async fn a_copy_of_the_old_token_stays_weak() {
    let (app, session, phone) = weak_session().await;
    let code = json!({"code": phone.code(&app, 0)});
    reauthenticate(&app, &session.refresh_token, &code).await.assert_status(200);
    // Within the grace period.
    let copy = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    assert_eq!(acr(&copy), "1fa");
    let delete = app.call(Method::DELETE, "/auth/me").cookie(&copy.refresh_token).send().await;
    delete.assert_problem(403, "stronger_login_required");
}

#[actix_web::test]
async fn a_request_whose_response_was_lost_can_be_repeated_although_its_code_is_spent() {
    let (app, session, phone) = weak_session().await;
    let code = json!({"code": phone.code(&app, 0)});
    let first = Session::of(&reauthenticate(&app, &session.refresh_token, &code).await.assert_status(200));
    app.advance(TimeDelta::seconds(60));
    let again = Session::of(&reauthenticate(&app, &session.refresh_token, &code).await.assert_status(200));
    assert_eq!((acr(&again), again.rotation), (json!("mfa"), first.rotation));
}

#[actix_web::test]
async fn a_refresh_cannot_be_repeated_as_a_proof() {
    let (app, session, phone) = weak_session().await;
    app.refresh_with_key(&session.refresh_token, KEY).await.assert_status(200);
    let wrong = json!({"code": phone.wrong_code(&app)});
    reauthenticate(&app, &session.refresh_token, &wrong).await.assert_problem(401, "invalid_code");
    // Nor can the refresh of a strong session.
    let code = json!({"code": phone.code(&app, 0)});
    let strong = Session::of(&reauthenticate(&app, &session.refresh_token, &code).await.assert_status(200));
    app.advance(TimeDelta::seconds(11));
    app.refresh_with_key(&strong.refresh_token, KEY).await.assert_status(200);
    reauthenticate(&app, &strong.refresh_token, &wrong).await.assert_problem(401, "invalid_code");
}
