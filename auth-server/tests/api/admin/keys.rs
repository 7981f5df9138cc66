use std::time::Duration;

use actix_web::rt;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;
use serde_json::{Value, json};
use shared_claims::Clock;

use super::events::events;
use crate::app::{Session, TestApp, header};
use test_support::Response;

const FEED_TOKEN: &str = "feed-token-of-the-tests-0123456789abcdef";

async fn post(app: &TestApp, by: &Session, path: &str) -> Response {
    app.post(path).cookie(&by.refresh_token).send().await
}

/// The response to an administrator who is demoted while the call waits for the database.
pub async fn post_while_demoted(app: &TestApp, by: &Session, path: &str) -> Response {
    let demotion = app.database.db_begin(&format!(
        "UPDATE guards SET taken = taken + 1; UPDATE users SET roles = '[]' WHERE id = '{}'",
        by.user_id
    ));
    let commit = async {
        rt::time::sleep(Duration::from_millis(500)).await;
        demotion.commit();
    };
    join(post(app, by, path), commit).await.0
}

async fn keys(app: &TestApp, by: &Session) -> Value {
    app.get_json(by, "/admin/keys").await
}

fn roles(keys: &Value) -> Vec<&str> {
    keys["items"].as_array().unwrap().iter().map(|key| key["role"].as_str().unwrap()).collect()
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

async fn published(app: &TestApp) -> usize {
    let set = app.get("/.well-known/jwks.json").send().await.assert_status(200).json();
    set["keys"].as_array().unwrap().len()
}

#[actix_web::test]
async fn an_administrator_creates_the_next_key() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let before = keys(&app, &root).await;
    let first = &before["items"][0];
    assert_eq!((roles(&before), &first["algorithm"]), (vec!["signing"], &json!("ES256")));
    assert_eq!(time(&before["next_rotation_at"]), time(&first["active_from"]) + TimeDelta::days(30));
    assert!(time(&first["needed_until"]) > app.clock.now());

    let made = post(&app, &root, "/admin/keys/rotate").await.assert_status(201).json();
    assert_eq!(published(&app).await, 2, "this server publishes it at once");
    let after = keys(&app, &root).await;
    assert_eq!((roles(&after), &after["items"][0]), (vec!["next", "signing"], &made));
    assert_eq!(after["next_rotation_at"], made["active_from"]);
    assert_eq!(time(&made["active_from"]), app.clock.now() + TimeDelta::minutes(15));
    let again = post(&app, &root, "/admin/keys/rotate").await.assert_problem(409, "key_conflict").json();
    assert_eq!(again["detail"], "The next key is already published and signs from 2030-01-01T00:15:00Z.");
    let event = &app.get_json(&root, "/admin/events?type=key_made").await["items"][0];
    assert_eq!((&event["details"]["kid"], &event["details"]["by"]), (&made["kid"], &json!(root.user_id)));
}

#[actix_web::test]
async fn a_key_retired_by_an_administrator_is_invalid_at_once_everywhere() {
    let app = TestApp::with(&["--revocation-feed-token", FEED_TOKEN]).await;
    let root = app.db_administrator("root").await;
    app.get("/auth/me").bearer(&root.access_token).send().await.assert_status(200);
    let kid = header(&root.access_token)["kid"].as_str().unwrap().to_owned();
    let retire = format!("/admin/keys/{kid}/retire");
    post(&app, &root, &retire).await.assert_status(204);

    app.get("/auth/me").bearer(&root.access_token).send().await.assert_problem(401, "invalid_token");
    let feed = app.get("/revocations").bearer(FEED_TOKEN).send().await.assert_status(200).json();
    assert_eq!(feed["keys"][0]["kid"], json!(kid));
    let root = Session::of(&app.refresh(&root.refresh_token).await.assert_status(200));
    assert_ne!(header(&root.access_token)["kid"], json!(kid));
    app.get("/auth/me").bearer(&root.access_token).send().await.assert_status(200);

    let after = keys(&app, &root).await;
    assert_eq!(roles(&after), ["signing", "retired"]);
    assert_eq!(time(&after["items"][1]["retired_at"]), app.clock.now());
    post(&app, &root, &retire).await.assert_problem(409, "key_conflict");
    for unknown in ["x", "%00", "%F0%9F%94%91"] {
        let path = format!("/admin/keys/{unknown}/retire");
        post(&app, &root, &path).await.assert_problem(404, "not_found");
    }
    let event = &app.get_json(&root, "/admin/events?type=key_retired").await["items"][0];
    assert_eq!(event["details"], json!({"by": root.user_id, "kid": kid}));
}

#[actix_web::test]
async fn an_administrator_who_is_demoted_meanwhile_changes_no_key() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let second = app.db_administrator("second").await;
    let third = app.db_administrator("third").await;
    let before = keys(&app, &root).await;
    let retire = format!("/admin/keys/{}/retire", before["items"][0]["kid"].as_str().unwrap());
    for (by, path) in [(&second, "/admin/keys/rotate"), (&third, &retire)] {
        post_while_demoted(&app, by, path).await.assert_problem(403, "role_required");
    }
    assert_eq!(keys(&app, &root).await, before);
}

#[actix_web::test]
async fn hs256_has_no_keys_to_list_or_rotate() {
    let secret = "access-secret-of-the-tests-0123456789abc";
    let flags = ["--jwt-access-algorithm", "HS256", "--jwt-access-secret", secret];
    let app = TestApp::with(&flags).await;
    let root = app.db_administrator("root").await;
    assert_eq!(keys(&app, &root).await, json!({"items": []}));
    post(&app, &root, "/admin/keys/rotate").await.assert_problem(409, "key_conflict");
}

#[actix_web::test]
async fn only_administrators_see_and_change_keys() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    app.get("/admin/keys").send().await.assert_problem(401, "missing_token");
    app.get("/admin/keys").cookie(&ann.refresh_token).send().await.assert_problem(403, "role_required");
    let kid = header(&ann.access_token)["kid"].as_str().unwrap().to_owned();
    for path in ["/admin/keys/rotate".to_owned(), format!("/admin/keys/{kid}/retire")] {
        post(&app, &ann, &path).await.assert_problem(403, "role_required");
    }
    app.get("/auth/me").bearer(&ann.access_token).send().await.assert_status(200);
    let root = app.db_administrator("root").await;
    assert_eq!(events(&app, &root, &ann).await.len(), 1);
    assert_eq!(roles(&keys(&app, &root).await), ["signing"]);
}
