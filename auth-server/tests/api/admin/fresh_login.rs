//! Changes by administrators require the password within the last 5 minutes.

use awc::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{PASSWORD, Session};
use crate::mailbox::MailApp;

const NO_ID: &str = "00000000-0000-4000-8000-000000000000";

#[actix_web::test]
async fn every_change_requires_a_fresh_login_and_no_reading_does() {
    let app = MailApp::start().await;
    let root = app.db_administrator("root").await;
    let document = app.get("/openapi.json").send().await.assert_status(200).json();
    app.advance(TimeDelta::seconds(301));
    let before = app.database.db_content();
    let mut changes = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", NO_ID).replace("{session}", NO_ID).replace("{kid}", "none");
        for (method, operation) in operations.as_object().unwrap() {
            if !path.starts_with("/admin/") {
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let call = app.call(method.clone(), &path).cookie(&root.refresh_token);
            let call = if operation["requestBody"].is_null() { call } else { call.json(&json!({})) };
            let response = call.send().await;
            if method == Method::GET {
                assert!([200, 404].contains(&response.status), "{path}: {response:?}");
                continue;
            }
            let response = response.assert_problem(403, "fresh_login_required");
            assert_eq!(response.json()["max_age"], json!(300), "{method} {path}");
            assert!(operation["responses"]["403"].to_string().contains("fresh_login_required"), "{path}");
            changes += 1;
        }
    }
    assert!(changes >= 7, "{changes}");
    assert_eq!(app.database.db_content(), before, "nothing was written");
}

#[actix_web::test]
async fn a_change_works_again_once_the_password_is_given() {
    let app = MailApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    let change = json!({"roles": ["editor"]});
    app.advance(TimeDelta::seconds(300));
    app.change_user(&root, &ann.user_id, &change).await.assert_status(200);
    app.advance(TimeDelta::seconds(1));
    app.change_user(&root, &ann.user_id, &change).await.assert_problem(403, "fresh_login_required");
    let proof = app.post("/auth/reauthenticate").cookie(&root.refresh_token);
    let root = Session::of(&proof.json(&json!({"password": PASSWORD})).send().await.assert_status(200));
    app.change_user(&root, &ann.user_id, &change).await.assert_status(200);
}

/// Users who are not administrators learn nothing about fresh logins.
#[actix_web::test]
async fn the_role_is_checked_before_the_login() {
    let app = MailApp::start().await;
    let ann = app.register("ann").await;
    app.advance(TimeDelta::hours(1));
    let change: Value = json!({"roles": ["admin"]});
    app.change_user(&ann, &ann.user_id, &change).await.assert_problem(403, "role_required");
}
