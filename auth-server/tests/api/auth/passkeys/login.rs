//! Login with a passkey alone.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use test_support::authenticator::{BACKED_UP, BACKUP_ELIGIBLE, USER_VERIFIED};

use crate::app::{Session, TestApp, claims};
use crate::passkey::{device_bound, passkey, security_key};

#[actix_web::test]
async fn a_passkey_alone_starts_a_phishing_resistant_session() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let mut phone = passkey();
    app.add_passkey(&first, &mut phone, "passkey").await;
    let options = app.login_options().await;
    assert_eq!(
        (&options["allowCredentials"], &options["userVerification"]),
        (&json!([]), &json!("required"))
    );
    let session = Session::of(&app.present(&phone.assert(&options)).await.assert_status(200));
    assert_eq!(session.user_id, first.user_id);
    let token = claims(&session.access_token);
    assert_eq!((&token["amr"], &token["acr"]), (&json!(["pop", "user", "mfa"]), &json!("phr")));
    app.advance(TimeDelta::seconds(11));
    let renewed = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    assert_eq!(claims(&renewed.access_token)["acr"], "phr");
    let events = app.get_json(&renewed, "/auth/events").await;
    let login = events["items"].as_array().unwrap().iter().find(|event| event["type"] == "login_succeeded");
    assert_eq!(login.expect("an event")["details"]["amr"], json!(["pop", "user", "mfa"]));
    // It does not turn the second factor on: the password is enough, as before.
    assert_eq!(claims(&app.log_in("ann").await.access_token)["acr"], "1fa");
}

#[actix_web::test]
async fn options_write_nothing_and_a_response_is_good_once() {
    let app = TestApp::start().await;
    let mut phone = passkey();
    app.add_passkey(&app.register("ann").await, &mut phone, "passkey").await;
    let spent = |app: &TestApp| app.database.db_texts("SELECT 'x' AS value FROM spent_challenges").len();
    let before = spent(&app);
    let credential = phone.assert(&app.login_options().await);
    assert_eq!(spent(&app), before);
    app.present(&credential).await.assert_status(200);
    assert_eq!(spent(&app), before + 1);
    app.present(&credential).await.assert_problem(401, "passkey_invalid");
    app.another().await.present(&credential).await.assert_problem(401, "passkey_invalid");
}

#[actix_web::test]
async fn of_twelve_clients_with_one_response_at_two_servers_one_logs_in() {
    let app = TestApp::start().await;
    let mut phone = passkey();
    app.add_passkey(&app.register("ann").await, &mut phone, "passkey").await;
    let other = app.another().await;
    let credential = phone.assert(&app.login_options().await);
    let logins = (0..12).map(|number| if number % 2 == 0 { &app } else { &other }.present(&credential));
    let statuses: Vec<u16> = join_all(logins).await.iter().map(|login| login.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}

#[actix_web::test]
async fn a_challenge_expires_after_five_minutes_and_is_for_one_purpose() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let mut phone = passkey();
    app.add_passkey(&session, &mut phone, "passkey").await;
    let credential = phone.assert(&app.login_options().await);
    app.advance(TimeDelta::seconds(300));
    app.present(&credential).await.assert_problem(401, "passkey_invalid");

    let session = Session::of(&app.log_in_with_passkey(&phone).await.assert_status(200));
    let other = app.post("/auth/reauthenticate/options").cookie(&session.refresh_token).send().await;
    let other = other.assert_status(200).json();
    app.present(&phone.assert(&other)).await.assert_problem(401, "passkey_invalid");
    let made_up = json!({"challenge": "A".repeat(64)});
    app.present(&phone.assert(&made_up)).await.assert_problem(401, "passkey_invalid");
}

#[actix_web::test]
async fn another_origin_or_domain_is_refused() {
    let app = TestApp::start().await;
    let mut phone = passkey();
    app.add_passkey(&app.register("ann").await, &mut phone, "passkey").await;
    for origin in
        ["http://localhost:8081", "http://localhost", "https://localhost:8080", "http://evil.example"]
    {
        phone.origin = origin.to_owned();
        app.log_in_with_passkey(&phone).await.assert_problem(401, "passkey_invalid");
    }
    phone.origin = crate::passkey::ORIGIN.to_owned();
    phone.rp_id = "evil.example".to_owned();
    app.log_in_with_passkey(&phone).await.assert_problem(401, "passkey_invalid");
}

#[actix_web::test]
async fn a_passkey_without_user_verification_or_handle_replaces_no_password() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let mut phone = passkey();
    app.add_passkey(&session, &mut phone, "passkey").await;
    let flags = phone.flags;
    phone.flags &= !USER_VERIFIED;
    app.log_in_with_passkey(&phone).await.assert_problem(401, "passkey_invalid");
    phone.flags = flags;
    let handle = phone.user_handle.take();
    app.log_in_with_passkey(&phone).await.assert_problem(401, "passkey_invalid");
    phone.user_handle = handle;
    app.log_in_with_passkey(&phone).await.assert_status(200);

    // Even if it could verify its user.
    let mut key = security_key();
    app.add_passkey(&session, &mut key, "security_key").await;
    key.flags |= USER_VERIFIED;
    key.sign_count += 1;
    app.log_in_with_passkey(&key).await.assert_problem(401, "passkey_invalid");
}

#[actix_web::test]
async fn only_a_passkey_that_no_user_has_is_unknown() {
    let app = TestApp::start().await;
    let admin = app.db_administrator("root").await;
    let session = app.register("ann").await;
    let mut phone = passkey();
    let added = app.add_passkey(&session, &mut phone, "passkey").await;
    app.change_user(&admin, &session.user_id, &json!({"disabled": true})).await.assert_status(200);
    app.log_in_with_passkey(&phone).await.assert_problem(401, "invalid_credentials");
    app.change_user(&admin, &session.user_id, &json!({"disabled": false})).await.assert_status(200);
    let session = Session::of(&app.log_in_with_passkey(&phone).await.assert_status(200));
    let path = format!("/{}", added["id"].as_str().unwrap());
    app.change_factors(&session, awc::http::Method::DELETE, &path, &json!({})).await.assert_status(204);
    app.log_in_with_passkey(&phone).await.assert_problem(401, "passkey_unknown");
    // Not without a good challenge: the response makes browsers delete the passkey.
    let made_up = json!({"challenge": "A".repeat(64)});
    app.present(&phone.assert(&made_up)).await.assert_problem(401, "passkey_invalid");
}

#[actix_web::test]
async fn a_counter_that_does_not_grow_is_refused_on_one_device_and_let_in_if_synchronised() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let mut key = device_bound();
    app.add_passkey(&session, &mut key, "passkey").await;
    app.log_in_with_passkey(&key).await.assert_problem(401, "passkey_invalid");
    key.sign_count = 7;
    app.log_in_with_passkey(&key).await.assert_status(200);
    key.sign_count = 6;
    app.log_in_with_passkey(&key).await.assert_problem(401, "passkey_invalid");
    let mut synced = passkey();
    synced.sign_count = 5;
    app.add_passkey(&session, &mut synced, "passkey").await;
    synced.sign_count = 3;
    let session = Session::of(&app.log_in_with_passkey(&synced).await.assert_status(200));
    let events = app.get_json(&session, "/auth/events").await;
    let suspicious = events["items"].as_array().unwrap().iter();
    let suspicious = suspicious.filter(|event| event["type"] == "passkey_suspicious");
    let accepted: Vec<_> = suspicious.map(|event| event["details"]["accepted"].clone()).collect();
    assert_eq!(accepted, [json!(true), json!(false), json!(false)]);
}

#[actix_web::test]
async fn a_passkey_never_becomes_synchronised_or_the_reverse() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let mut phone = passkey();
    app.add_passkey(&session, &mut phone, "passkey").await;
    phone.flags &= !(BACKUP_ELIGIBLE | BACKED_UP);
    app.log_in_with_passkey(&phone).await.assert_problem(401, "passkey_invalid");
    let mut key = device_bound();
    app.add_passkey(&session, &mut key, "passkey").await;
    key.flags |= BACKUP_ELIGIBLE;
    key.sign_count += 1;
    app.log_in_with_passkey(&key).await.assert_problem(401, "passkey_invalid");
}
