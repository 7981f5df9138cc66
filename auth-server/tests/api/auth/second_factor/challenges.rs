use chrono::TimeDelta;
use serde_json::json;

use crate::app::{PASSWORD, TestApp};
use crate::authenticator::Authenticator;

async fn start() -> (TestApp, Authenticator) {
    let app = TestApp::start().await;
    let phone = Authenticator::set_up(&app, &app.register("ann").await).await;
    app.advance(TimeDelta::seconds(30));
    (app, phone)
}

#[actix_web::test]
async fn a_challenge_lives_ten_minutes() {
    let (app, phone) = start().await;
    let [first, second] = [app.challenge("ann").await, app.challenge("ann").await];
    app.advance(TimeDelta::seconds(599));
    app.answer(&first, &json!({"code": phone.code(&app, 0)})).await.assert_status(200);
    app.advance(TimeDelta::seconds(1));
    let code = json!({"code": phone.code(&app, 1)});
    app.answer(&second, &code).await.assert_problem(401, "challenge_expired");
}

#[actix_web::test]
async fn a_challenge_takes_five_answers() {
    let (app, phone) = start().await;
    let challenge = app.challenge("ann").await;
    let wrong = json!({"code": phone.wrong_code(&app)});
    for _ in 0..5 {
        app.answer(&challenge, &wrong).await.assert_problem(401, "invalid_code");
    }
    app.advance(TimeDelta::minutes(2));
    let code = json!({"code": phone.code(&app, 0)});
    app.answer(&challenge, &code).await.assert_problem(401, "challenge_expired");
    app.answer(&app.challenge("ann").await, &code).await.assert_status(200);
}

#[actix_web::test]
async fn a_change_of_the_user_ends_the_challenge() {
    let (app, phone) = start().await;
    let root = app.db_administrator("root").await;
    let challenge = app.challenge("ann").await;
    let ann = app.database.db_texts("SELECT id AS value FROM users WHERE email = 'ann@example.org'");
    for disabled in [true, false] {
        app.change_user(&root, &ann[0], &json!({"disabled": disabled})).await.assert_status(200);
        let code = json!({"code": phone.code(&app, 0)});
        app.answer(&challenge, &code).await.assert_problem(401, "challenge_expired");
    }
}

#[actix_web::test]
async fn only_the_value_that_was_given_is_a_challenge() {
    let (app, phone) = start().await;
    app.challenge("ann").await;
    let code = json!({"code": phone.code(&app, 0)});
    for unknown in ["", "lkc_", "lkc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        app.answer(unknown, &code).await.assert_problem(401, "challenge_expired");
    }
    let stored = app.database.db_texts("SELECT kind AS value FROM login_challenges");
    assert_eq!(stored, ["factor"]);
}

#[actix_web::test]
async fn incomplete_answers_are_rejected_and_do_not_count() {
    let (app, phone) = start().await;
    let challenge = app.challenge("ann").await;
    for (answer, field) in [
        (json!({}), "code"),
        (json!({"code": "12345"}), "code"),
        (json!({"code": "12345x"}), "code"),
        (json!({"recovery_code": "0123"}), "recovery_code"),
        (json!({"code": "123456", "recovery_code": "0123-4567-89AB-CDEF"}), "recovery_code"),
        (json!({"code": "123456", "password": PASSWORD}), "password"),
    ] {
        let problem = app.answer(&challenge, &answer).await.assert_problem(422, "invalid_input").json();
        assert!(problem["fields"][field].is_string(), "{problem}");
    }
    app.answer(&challenge, &json!({"code": phone.code(&app, 0)})).await.assert_status(200);
}

#[actix_web::test]
async fn expired_challenges_and_unconfirmed_apps_are_deleted() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    Authenticator::set_up(&app, &ann).await;
    app.challenge("ann").await;
    Authenticator::add(&app, &app.register("bob").await).await.assert_status(201);
    app.advance(TimeDelta::minutes(11));
    let app = app.restart().await;
    let count = "SELECT CAST((SELECT COUNT(*) FROM login_challenges) AS VARCHAR(9)) || ' ' || \
                 CAST((SELECT COUNT(*) FROM totp_factors) AS VARCHAR(9)) AS value";
    for _ in 0..100 {
        if app.database.db_texts(count) == ["0 1"] {
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{:?}", app.database.db_texts(count));
}
