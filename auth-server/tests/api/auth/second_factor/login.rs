use awc::http::Method;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use crate::app::{Session, TestApp, claims};
use crate::authenticator::Authenticator;

const STEP: TimeDelta = TimeDelta::seconds(30);

#[actix_web::test]
async fn the_password_alone_starts_no_session() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    Authenticator::set_up(&app, &first).await;
    let state = |app: &TestApp| {
        let sessions = app.database.db_texts("SELECT id AS value FROM sessions WHERE ended_at IS NULL");
        let logins = "SELECT CAST(last_login_at AS VARCHAR(40)) AS value FROM users";
        let known = "SELECT place AS value FROM familiar_places";
        (sessions, app.database.db_texts(logins), app.database.db_texts(known))
    };
    let before = state(&app);
    app.advance(TimeDelta::minutes(1));
    let body = json!({"email": "ann@example.org", "password": crate::app::PASSWORD});
    let response = app.post("/auth/login").cookie(&first.refresh_token).json(&body).send().await;
    let response = response.assert_problem(401, "mfa_required");
    let problem = response.json();
    assert!(problem["challenge"].as_str().unwrap().starts_with("lkc_"));
    assert_eq!(
        (&problem["expires_in"], &problem["methods"]),
        (&json!(600), &json!(["totp", "recovery_code"]))
    );
    assert!(response.set_cookie().is_none());
    assert_eq!(state(&app), before);
    // The session of the request goes on, too.
    app.me(&first.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_code_completes_the_login_and_is_good_once() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    assert_eq!(claims(&first.access_token)["acr"], "1fa");
    let phone = Authenticator::set_up(&app, &first).await;
    // The code that confirmed the app is spent.
    let challenge = app.challenge("ann").await;
    let spent = json!({"code": phone.code(&app, 0)});
    app.answer(&challenge, &spent).await.assert_problem(401, "invalid_code");
    app.advance(STEP);
    let code = json!({"code": phone.code(&app, 0)});
    let session = Session::of(&app.answer(&challenge, &code).await.assert_status(200));
    let token = claims(&session.access_token);
    assert_eq!((&token["amr"], &token["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("mfa")));
    app.answer(&challenge, &code).await.assert_problem(401, "challenge_expired");
    app.answer(&app.challenge("ann").await, &code).await.assert_problem(401, "invalid_code");
    app.advance(TimeDelta::seconds(11));
    let renewed = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    assert_eq!(claims(&renewed.access_token)["acr"], "mfa");
    let login = r#"login_succeeded {"amr":["pwd","otp","mfa"]}"#.to_owned();
    assert!(app.db_events(&session.user_id).contains(&login));
}

#[actix_web::test]
async fn codes_of_one_step_to_either_side_are_accepted() {
    let app = TestApp::start().await;
    let phone = Authenticator::set_up(&app, &app.register("ann").await).await;
    app.advance(STEP * 10);
    for (offset, status) in [(-2, 401), (2, 401), (-1, 200), (0, 200), (1, 200)] {
        let code = json!({"code": phone.code(&app, offset)});
        app.answer(&app.challenge("ann").await, &code).await.assert_status(status);
    }
    // Of an earlier step than the last one.
    let earlier = json!({"code": phone.code(&app, 0)});
    app.answer(&app.challenge("ann").await, &earlier).await.assert_problem(401, "invalid_code");
}

#[actix_web::test]
async fn of_twelve_clients_with_one_code_at_two_servers_one_logs_in() {
    let app = TestApp::start().await;
    let phone = Authenticator::set_up(&app, &app.register("ann").await).await;
    let other = app.another().await;
    app.advance(STEP);
    let code = json!({"code": phone.code(&app, 0)});
    let mut challenges = Vec::new();
    for _ in 0..12 {
        challenges.push(app.challenge("ann").await);
    }
    let answers = challenges.iter().enumerate().map(|(number, challenge)| {
        let server = if number % 2 == 0 { &app } else { &other };
        server.answer(challenge, &code)
    });
    let statuses: Vec<u16> = join_all(answers).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let codes = app.database.db_texts("SELECT id AS value FROM sessions WHERE ended_at IS NULL");
    assert_eq!(codes.len(), 2);
}

#[actix_web::test]
async fn a_recovery_code_completes_the_login_and_is_good_once() {
    let app = TestApp::start().await;
    let phone = Authenticator::set_up(&app, &app.register("ann").await).await;
    assert_eq!(phone.recovery_codes.len(), 10);
    let typed = phone.recovery_codes[0].to_lowercase().replace('-', " ");
    let challenge = app.challenge("ann").await;
    let response = app.answer(&challenge, &json!({"recovery_code": typed})).await.assert_status(200);
    assert_eq!(response.json()["recovery_codes_left"], 9);
    let session = Session::of(&response);
    assert_eq!(claims(&session.access_token)["acr"], "mfa");
    let again = json!({"recovery_code": phone.recovery_codes[0]});
    app.answer(&app.challenge("ann").await, &again).await.assert_problem(401, "invalid_code");

    let made = app.change_factors(&session, Method::POST, "/recovery-codes", &json!({})).await;
    let new = crate::authenticator::codes(&made.assert_status(201).json());
    let old = json!({"recovery_code": phone.recovery_codes[1]});
    app.answer(&app.challenge("ann").await, &old).await.assert_problem(401, "invalid_code");
    let new = json!({"recovery_code": new[1]});
    app.answer(&app.challenge("ann").await, &new).await.assert_status(200);
}

#[actix_web::test]
async fn of_concurrent_clients_with_one_recovery_code_one_logs_in() {
    let app = TestApp::start().await;
    let phone = Authenticator::set_up(&app, &app.register("ann").await).await;
    let code = json!({"recovery_code": phone.recovery_codes[0]});
    let mut challenges = Vec::new();
    for _ in 0..4 {
        challenges.push(app.challenge("ann").await);
    }
    let answers = challenges.iter().map(|challenge| app.answer(challenge, &code));
    let winners = join_all(answers).await.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(winners, 1);
}

#[actix_web::test]
async fn with_mfa_off_the_password_is_enough() {
    let app = TestApp::start().await;
    Authenticator::set_up(&app, &app.register("ann").await).await;
    let off = app.another_with(&["--mfa", "off"]).await.unwrap();
    let session = off.log_in("ann").await;
    assert_eq!(claims(&session.access_token)["acr"], "1fa");
    Authenticator::add(&off, &session).await.assert_problem(404, "not_found");
    app.challenge("ann").await;
}
