//! Roles that a session has only after a second factor, and the reset by administrators.

use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;

use crate::app::{Session, TestApp, claims};
use crate::authenticator::Authenticator;

#[actix_web::test]
async fn a_role_is_withheld_until_the_second_factor_is_proved() {
    let app = TestApp::with(&["--mfa-required-roles", "admin,editor"]).await;
    let root = app.db_administrator("root").await;
    app.database.db_execute(r#"UPDATE users SET roles = '["admin","author","editor"]'"#);
    let session = app.log_in("root").await;
    assert_eq!(claims(&session.access_token)["roles"], json!(["author"]));
    let me = app.get_json(&session, "/auth/me").await;
    assert_eq!(me["roles_withheld"], json!(["admin", "editor"]));
    let denied = app.get("/admin/users").cookie(&session.refresh_token).send().await;
    denied.assert_problem(403, "stronger_login_required");

    let phone = Authenticator::set_up(&app, &root).await;
    app.advance(TimeDelta::seconds(30));
    let proof = json!({"code": phone.code(&app, 0)});
    let response = app.post("/auth/reauthenticate").cookie(&root.refresh_token).json(&proof).send().await;
    let response = response.assert_status(200);
    let strong = Session::of(&response);
    assert_eq!(response.json()["user"]["roles_withheld"], json!([]));
    assert_eq!(claims(&strong.access_token)["roles"], json!(["admin", "author", "editor"]));
    app.get_json(&strong, "/admin/users").await;
}

#[actix_web::test]
async fn an_administrator_resets_the_factors_of_a_user_who_lost_them() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    Authenticator::set_up(&app, &ann).await;
    let challenge = app.challenge("ann").await;
    let path = format!("/admin/users/{}/factors", ann.user_id);
    let factors = app.get_json(&root, &path).await;
    assert_eq!(factors["factors"][0]["kind"], "totp");
    assert_eq!(factors["factors"][0].get("secret"), None);
    let reset = |by: &Session, path: &str| app.call(Method::DELETE, path).cookie(&by.refresh_token).send();
    reset(&ann, &path).await.assert_problem(403, "role_required");
    reset(&root, &path).await.assert_status(204);
    app.refresh(&ann.refresh_token).await.assert_ended("factor_changed");
    let answer = json!({"code": "123456"});
    app.answer(&challenge, &answer).await.assert_problem(401, "challenge_expired");
    let session = app.log_in("ann").await;
    assert_eq!(app.factors(&session).await["recovery_codes_left"], 0);
    let log = app.db_events(&ann.user_id);
    let by = format!(r#""by":"{}""#, root.user_id);
    assert!(log.iter().any(|line| line.starts_with("factors_reset") && line.contains(&by)), "{log:?}");
    reset(&root, &format!("/admin/users/{}/factors", root.user_id)).await.assert_problem(409, "own_account");
}

#[actix_web::test]
async fn an_administrator_with_a_second_factor_changes_nothing_by_password_alone() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    Authenticator::set_up(&app, &root).await;
    let change = app.change_user(&root, &ann.user_id, &json!({"disabled": true})).await;
    change.assert_problem(403, "stronger_login_required");
}
