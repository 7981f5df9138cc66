//! Wrong codes are counted over all challenges, servers and addresses, and only a person who knows the password causes one.

use chrono::TimeDelta;
use serde_json::json;

use crate::app::{Session, TestApp};
use crate::authenticator::Authenticator;

async fn fail(app: &TestApp, phone: &Authenticator) -> u16 {
    let challenge = app.challenge("ann").await;
    app.answer(&challenge, &json!({"code": phone.wrong_code(app)})).await.status
}

#[actix_web::test]
async fn after_five_wrong_codes_each_further_one_costs_a_wait() {
    let app = TestApp::start().await;
    let phone = Authenticator::set_up(&app, &app.register("ann").await).await;
    let other = app.another().await;
    for number in 0..5 {
        assert_eq!(fail(if number % 2 == 0 { &app } else { &other }, &phone).await, 401);
    }
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        let challenge = other.challenge("ann").await;
        app.advance(TimeDelta::seconds(wait) - TimeDelta::milliseconds(1));
        let code = json!({"code": phone.code(&app, 1)});
        let early = other.answer(&challenge, &code).await.assert_problem(429, "too_many_requests");
        assert_eq!(early.header("retry-after"), Some("1"), "{wait}");
        app.advance(TimeDelta::milliseconds(1));
        assert_eq!(fail(&app, &phone).await, 401, "{wait}");
    }
    app.advance(TimeDelta::minutes(1));
    app.answer(&app.challenge("ann").await, &json!({"code": phone.code(&app, 0)})).await.assert_status(200);
    // A correct one forgets them.
    assert_eq!(fail(&app, &phone).await, 401);
    assert_eq!(fail(&app, &phone).await, 401);
}

#[actix_web::test]
async fn a_hundred_wrong_codes_lock_apps_and_a_recovery_code_ends_the_lock() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    let phone = Authenticator::set_up(&app, &ann).await;
    for _ in 0..99 {
        assert_eq!(fail(&app, &phone).await, 401);
        app.advance(TimeDelta::minutes(1));
    }
    let right = || json!({"code": phone.code(&app, 0)});
    assert_eq!(app.factors(&ann).await["totp_locked"], false);
    assert_eq!(fail(&app, &phone).await, 401);
    app.advance(TimeDelta::minutes(1));
    assert_eq!(app.factors(&ann).await["totp_locked"], true);
    let response = app.try_login("ann", &json!({})).await.assert_problem(401, "mfa_required").json();
    assert_eq!(response["methods"], json!(["recovery_code"]));
    let challenge = app.challenge("ann").await;
    let locked = app.answer(&challenge, &right()).await.assert_problem(401, "invalid_code").json();
    assert!(locked["detail"].as_str().unwrap().contains("locked"), "{locked}");
    let log = app.db_events(&ann.user_id);
    assert_eq!(log.iter().filter(|line| line.starts_with("factor_locked")).count(), 1);

    let recovery = json!({"recovery_code": phone.recovery_codes[0]});
    Session::of(&app.answer(&challenge, &recovery).await.assert_status(200));
    app.answer(&app.challenge("ann").await, &right()).await.assert_status(200);
}

#[actix_web::test]
async fn a_wrong_password_causes_no_failure_of_the_second_factor() {
    let app = TestApp::start().await;
    Authenticator::set_up(&app, &app.register("ann").await).await;
    for _ in 0..5 {
        app.try_login("ann", &json!({"password": "a wrong one"})).await.assert_status(401);
    }
    let failures = "SELECT CAST(factor_failures AS VARCHAR(9)) AS value FROM users";
    assert_eq!(app.database.db_texts(failures), ["0"]);
    assert!(app.database.db_texts("SELECT kind AS value FROM login_challenges").is_empty());
}
