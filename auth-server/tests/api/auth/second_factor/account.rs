use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;

use crate::app::{Session, TestApp, claims, security_log};
use crate::authenticator::Authenticator;

/// A session with a second factor.
async fn strong(app: &TestApp) -> (Session, Authenticator) {
    let phone = Authenticator::set_up(app, &app.register("ann").await).await;
    app.advance(TimeDelta::seconds(30));
    let code = json!({"code": phone.code(app, 0)});
    let session = Session::of(&app.answer(&app.challenge("ann").await, &code).await.assert_status(200));
    app.advance(TimeDelta::seconds(30));
    (session, phone)
}

#[actix_web::test]
async fn an_app_counts_for_nothing_until_it_is_confirmed() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    let new = Authenticator::add(&app, &ann).await.assert_status(201).json();
    let uri = new["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Latchkey:ann%40example.org?secret="), "{uri}");
    assert!(new["qr_svg"].as_str().unwrap().starts_with("<svg"));
    let phone = Authenticator::of(&new);
    assert_eq!(app.factors(&ann).await["factors"], json!([]));
    app.log_in("ann").await;
    let path = format!("/totp/{}/confirm", phone.id);
    let wrong = json!({"code": phone.wrong_code(&app)});
    app.change_factors(&ann, Method::POST, &path, &wrong).await.assert_problem(401, "invalid_code");
    app.log_in("ann").await;
    app.advance(TimeDelta::minutes(10));
    let late = Session::of(&app.try_login("ann", &json!({})).await);
    phone.confirm(&app, &late, &json!({})).await.assert_problem(404, "not_found");
    app.log_in("ann").await;
}

#[actix_web::test]
async fn a_new_factor_ends_the_other_sessions_and_makes_access_tokens_stale() {
    let app = TestApp::start().await;
    let other = app.register("ann").await;
    let ann = app.log_in("ann").await;
    Authenticator::set_up(&app, &ann).await;
    app.refresh(&other.refresh_token).await.assert_ended("factor_changed");
    let stale = app.get("/auth/me").bearer(&ann.access_token).send().await;
    stale.assert_problem(401, "token_stale");
    let me = app.get_json(&ann, "/auth/me").await;
    assert_eq!(me["second_factor"], true);
    assert!(security_log(&other).contains(&"session_ended".to_owned()));
    let log = app.db_events(&ann.user_id);
    for kind in ["factor_added", "recovery_codes_made"] {
        assert!(log.iter().any(|line| line.starts_with(kind)), "{kind}: {log:?}");
    }
}

#[actix_web::test]
async fn factors_are_named_and_removed_and_without_one_the_password_is_enough() {
    let app = TestApp::start().await;
    let (ann, phone) = strong(&app).await;
    let tablet = Authenticator::set_up(&app, &ann).await;
    assert!(tablet.recovery_codes.is_empty(), "there are codes already");
    let path = format!("/{}", tablet.id);
    app.change_factors(&ann, Method::PATCH, &path, &json!({"name": "Tablet"})).await.assert_status(204);
    let factors = app.factors(&ann).await;
    let names: Vec<_> = factors["factors"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["Authenticator app", "Tablet"]);
    assert_eq!((&factors["second_factor"], &factors["recovery_codes_left"]), (&json!(true), &json!(10)));

    let remove =
        async |id: &str| app.change_factors(&ann, Method::DELETE, &format!("/{id}"), &json!({})).await;
    remove(&phone.id).await.assert_status(204);
    remove(&phone.id).await.assert_problem(404, "not_found");
    app.advance(TimeDelta::seconds(30));
    let removed = json!({"code": phone.code(&app, 0)});
    app.answer(&app.challenge("ann").await, &removed).await.assert_problem(401, "invalid_code");
    let kept = json!({"code": tablet.code(&app, 0)});
    app.answer(&app.challenge("ann").await, &kept).await.assert_status(200);
    remove(&tablet.id).await.assert_status(204);
    assert_eq!(app.factors(&ann).await["recovery_codes_left"], 0);
    assert_eq!(claims(&app.log_in("ann").await.access_token)["acr"], "1fa");
}

#[actix_web::test]
async fn a_user_turns_the_second_factor_off_and_on() {
    let app = TestApp::start().await;
    let bob = app.register("bob").await;
    let set = async |session: &Session, on: bool| {
        app.change_factors(session, Method::PATCH, "", &json!({"second_factor": on})).await
    };
    set(&bob, true).await.assert_problem(409, "factor_required");
    let (ann, phone) = strong(&app).await;
    set(&ann, false).await.assert_status(200);
    app.log_in("ann").await;
    assert_eq!(set(&ann, true).await.assert_status(200).json(), json!({}));
    let code = json!({"code": phone.code(&app, 0)});
    app.answer(&app.challenge("ann").await, &code).await.assert_status(200);
}

#[actix_web::test]
async fn a_user_has_at_most_five_apps() {
    let app = TestApp::start().await;
    let (ann, _) = strong(&app).await;
    for _ in 0..4 {
        Authenticator::set_up(&app, &ann).await;
    }
    Authenticator::add(&app, &ann).await.assert_problem(422, "invalid_input");
}

#[actix_web::test]
async fn a_factor_of_another_user_does_not_exist() {
    let app = TestApp::start().await;
    let (_, phone) = strong(&app).await;
    let bob = app.register("bob").await;
    for (method, path) in [
        (Method::DELETE, format!("/{}", phone.id)),
        (Method::PATCH, format!("/{}", phone.id)),
        (Method::POST, format!("/totp/{}/confirm", phone.id)),
    ] {
        let body = if method == Method::POST { json!({"code": "123456"}) } else { json!({"name": "mine"}) };
        app.change_factors(&bob, method, &path, &body).await.assert_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn secrets_are_encrypted_and_follow_a_change_of_the_key_encryption_secret() {
    let app = TestApp::start().await;
    let (_, phone) = strong(&app).await;
    let key_id = || app.database.db_texts("SELECT encryption_key_id AS value FROM totp_factors");
    let before = key_id();
    let flags = [
        "--key-encryption-secret",
        "another-key-secret-0123456789abcdef",
        "--key-encryption-secret-previous",
        crate::app::KEY_SECRET,
    ];
    let changed = app.another_with(&flags).await.unwrap();
    for _ in 0..100 {
        if key_id() != before {
            break;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_ne!(key_id(), before);
    let challenge = changed.challenge("ann").await;
    changed.answer(&challenge, &json!({"code": phone.code(&app, 0)})).await.assert_status(200);
    // A server without the secret cannot read it: the code is wrong, and never right by default.
    app.advance(TimeDelta::seconds(30));
    let challenge = app.challenge("ann").await;
    app.answer(&challenge, &json!({"code": phone.code(&app, 0)})).await.assert_problem(401, "invalid_code");
}
