//! A passkey or security key after the password.

use awc::http::Method;
use serde_json::json;

use crate::app::{Session, TestApp, claims};
use crate::authenticator::{Authenticator, codes};
use crate::passkey::{passkey, security_key};

#[actix_web::test]
async fn a_security_key_completes_the_login() {
    let app = TestApp::start().await;
    let mut key = security_key();
    app.add_passkey(&app.register("ann").await, &mut key, "security_key").await;
    let problem = app.try_login("ann", &json!({})).await.assert_problem(401, "mfa_required").json();
    assert_eq!(problem["methods"], json!(["passkey", "recovery_code"]));
    let (challenge, options) = app.passkey_challenge("ann").await;
    assert_eq!(options["userVerification"], "discouraged");
    assert_eq!(options["allowCredentials"][0]["id"], key.assert(&options)["id"]);
    key.sign_count += 1;
    key.user_handle = None;
    let answer = json!({"passkey": key.assert(&options)});
    let session = Session::of(&app.answer(&challenge, &answer).await.assert_status(200));
    let token = claims(&session.access_token);
    assert_eq!((&token["amr"], &token["acr"]), (&json!(["pwd", "pop", "user", "mfa"]), &json!("phr")));
    app.answer(&challenge, &answer).await.assert_problem(401, "challenge_expired");
}

#[actix_web::test]
async fn a_passkey_is_for_its_user_its_login_and_once() {
    let app = TestApp::start().await;
    let (mut ann, mut bob) = (security_key(), security_key());
    app.add_passkey(&app.register("ann").await, &mut ann, "security_key").await;
    app.add_passkey(&app.register("bob").await, &mut bob, "security_key").await;
    (ann.sign_count, bob.sign_count) = (2, 2);
    let (first, first_options) = app.passkey_challenge("ann").await;
    let (second, second_options) = app.passkey_challenge("ann").await;
    let answer = |key: &test_support::Authenticator, options| json!({"passkey": key.assert(options)});
    let refused = app.answer(&first, &answer(&ann, &second_options)).await;
    refused.assert_problem(401, "passkey_invalid");
    app.answer(&first, &answer(&bob, &first_options)).await.assert_problem(401, "passkey_invalid");
    app.answer(&first, &answer(&security_key(), &first_options)).await.assert_problem(401, "passkey_unknown");
    let login = app.login_options().await;
    app.answer(&first, &answer(&ann, &login)).await.assert_problem(401, "passkey_invalid");
    app.answer(&first, &answer(&ann, &first_options)).await.assert_status(200);
    app.answer(&second, &answer(&ann, &first_options)).await.assert_problem(401, "passkey_invalid");
}

#[actix_web::test]
async fn a_challenge_takes_five_passkeys() {
    let app = TestApp::start().await;
    let mut key = security_key();
    app.add_passkey(&app.register("ann").await, &mut key, "security_key").await;
    key.sign_count = 2;
    let (challenge, options) = app.passkey_challenge("ann").await;
    for _ in 0..5 {
        let wrong = json!({"passkey": key.assert(&app.login_options().await)});
        app.answer(&challenge, &wrong).await.assert_problem(401, "passkey_invalid");
    }
    let right = json!({"passkey": key.assert(&options)});
    app.answer(&challenge, &right).await.assert_problem(401, "challenge_expired");
    // They are not counted as wrong codes.
    let (challenge, options) = app.passkey_challenge("ann").await;
    let right = json!({"passkey": key.assert(&options)});
    app.answer(&challenge, &right).await.assert_status(200);
}

#[actix_web::test]
async fn a_passkey_and_an_app_are_offered_together() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let mut phone = passkey();
    app.add_passkey(&session, &mut phone, "passkey").await;
    Authenticator::set_up(&app, &session).await;
    let problem = app.try_login("ann", &json!({})).await.assert_problem(401, "mfa_required").json();
    assert_eq!(problem["methods"], json!(["totp", "passkey", "recovery_code"]));
    // The passkey alone is enough, as before.
    app.log_in_with_passkey(&phone).await.assert_status(200);
    let (challenge, options) = app.passkey_challenge("ann").await;
    app.answer(&challenge, &json!({"passkey": phone.assert(&options)})).await.assert_status(200);
}

#[actix_web::test]
async fn a_login_that_requires_a_second_factor_enrols_a_passkey_or_security_key() {
    for (kind, mut key) in [("passkey", passkey()), ("security_key", security_key())] {
        let app = TestApp::start().await;
        app.register("ann").await;
        let app = app.another_with(&["--mfa", "required"]).await.unwrap();
        let problem = app.try_login("ann", &json!({})).await.assert_problem(401, "mfa_enrolment_required");
        let challenge = problem.json()["challenge"].clone();
        test_support::evidence::secret(challenge.as_str().unwrap());
        let begin = json!({"challenge": challenge, "kind": kind});
        let options = app.post("/auth/login/enrol").json(&begin).send().await.assert_status(200).json();
        let confirm = json!({"challenge": challenge, "credential": key.register(&options)});
        let response = app.post("/auth/login/enrol/confirm").json(&confirm).send().await.assert_status(200);
        assert_eq!(codes(&response.json()).len(), 10);
        let session = Session::of(&response);
        assert_eq!(claims(&session.access_token)["acr"], "phr");
        app.post("/auth/login/enrol/confirm")
            .json(&confirm)
            .send()
            .await
            .assert_problem(401, "challenge_expired");
        let factors = app.factors(&session).await;
        assert_eq!((&factors["second_factor"], &factors["factors"][0]["kind"]), (&json!(true), &json!(kind)));
        // The last one must remain.
        let path = format!("/{}", factors["factors"][0]["id"].as_str().unwrap());
        let removal = app.change_factors(&session, Method::DELETE, &path, &json!({})).await;
        removal.assert_problem(409, "factor_required");
    }
}

#[actix_web::test]
async fn an_administrator_removes_passkeys_too() {
    let app = TestApp::start().await;
    let admin = app.db_administrator("root").await;
    let session = app.register("ann").await;
    let mut phone = passkey();
    app.add_passkey(&session, &mut phone, "passkey").await;
    let path = format!("/admin/users/{}/factors", session.user_id);
    let listed = app.get_json(&admin, &path).await;
    assert_eq!(listed["factors"][0]["kind"], "passkey");
    app.call(Method::DELETE, &path).cookie(&admin.refresh_token).send().await.assert_status(204);
    app.log_in_with_passkey(&phone).await.assert_problem(401, "passkey_unknown");
}
