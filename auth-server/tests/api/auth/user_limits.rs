//! Limits on what one user can write.

use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;
use test_support::{Call, Response};

use crate::app::{PASSWORD, Session, TestApp, claims};
use crate::passkey::passkey;

/// A server with a burst of six changes per user.
async fn start() -> TestApp {
    TestApp::with(&["--account-rate-per-user", "1"]).await
}

fn in_session(app: &TestApp, method: Method, path: &str, session: &Session) -> Call {
    app.call(method, path).cookie(&session.refresh_token)
}

fn events(app: &TestApp) -> usize {
    app.database.db_texts("SELECT type AS value FROM events").len()
}

fn assert_limited(response: Response) {
    let response = response.assert_problem(429, "too_many_requests");
    let wait: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
}

#[actix_web::test]
async fn changes_of_an_account_are_limited() {
    let app = start().await;
    let ann = app.register("ann").await;
    let rename = async |session: &Session, name: String| {
        in_session(&app, Method::PATCH, "/auth/me", session).json(&json!({"name": name})).send().await
    };
    let before = events(&app);
    for number in 0..6 {
        in_session(&app, Method::PATCH, "/auth/me", &ann)
            .json(&json!({"nam": 1}))
            .send()
            .await
            .assert_status(422);
        rename(&ann, format!("Ann {number}")).await.assert_status(200);
    }
    for number in 0..20 {
        assert_limited(rename(&ann, format!("Ann {number}")).await);
    }
    assert_eq!(events(&app), before + 6);
    // Other users, and what changes nothing, are not affected.
    let bob = app.register("bob").await;
    rename(&bob, "Bob".to_owned()).await.assert_status(200);
    app.me(&ann.refresh_token).await.assert_status(200);
    app.refresh(&ann.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn logins_with_a_passkey_are_limited() {
    let app = start().await;
    let mut phone = passkey();
    app.add_passkey(&app.register("ann").await, &mut phone, "passkey").await;
    let mut count = 0;
    let limited = loop {
        let response = app.log_in_with_passkey(&phone).await;
        if response.status != 200 {
            break response;
        }
        count += 1;
        assert!(count <= 6, "no limit");
    };
    assert_limited(limited);
    assert!(count >= 4, "{count}");
}

#[actix_web::test]
async fn all_changes_of_one_user_share_one_limit() {
    let app = start().await;
    let ann = app.register("ann").await;
    let other = claims(&app.log_in("ann").await.refresh_token)["sid"].as_str().unwrap().to_owned();
    let path = format!("/auth/sessions/{other}");
    let wrong = json!({"current_password": "wrong", "new_password": "an entirely different staple"});
    let post = |path: &str, body| in_session(&app, Method::POST, path, &ann).json(&body).send();
    post("/auth/reauthenticate", json!({"password": "wrong"})).await.assert_status(401);
    post("/auth/password", wrong.clone()).await.assert_status(401);
    for _ in 0..4 {
        let rename = in_session(&app, Method::PATCH, "/auth/me", &ann).json(&json!({"name": "Ann"}));
        rename.send().await.assert_status(200);
    }
    let before = events(&app);
    assert_limited(post("/auth/reauthenticate", json!({"password": "wrong"})).await);
    assert_limited(post("/auth/reauthenticate", json!({"password": PASSWORD})).await);
    assert_limited(post("/auth/password", wrong).await);
    assert_limited(in_session(&app, Method::DELETE, &path, &ann).send().await);
    assert_eq!(events(&app), before);
    // Logout always works.
    in_session(&app, Method::POST, "/auth/logout", &ann).send().await.assert_status(204);
    app.refresh(&ann.refresh_token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn logins_of_one_user_are_limited_from_all_addresses_together() {
    let app = TestApp::with(&["--account-rate-per-user", "1", "--trusted-proxies", "127.0.0.1"]).await;
    app.register("ann").await;
    let log_in = async |host: u32, password: &str| {
        let body = json!({"email": "ann@example.org", "password": password});
        let address = format!("192.0.2.{host}");
        app.post("/auth/login").header("x-forwarded-for", &address).json(&body).send().await
    };
    for host in 0..6 {
        log_in(host, PASSWORD).await.assert_status(200);
    }
    let before = events(&app);
    for host in 0..120 {
        assert_limited(log_in(host, PASSWORD).await);
    }
    assert_eq!(events(&app), before);
    // They are no failures: only one with a wrong password is recorded.
    log_in(200, "wrong").await.assert_problem(401, "invalid_credentials");
    assert_eq!(app.database.db_texts("SELECT account AS value FROM password_failures").len(), 2);
}

#[actix_web::test]
async fn redeliveries_above_the_limit_are_granted_and_not_recorded() {
    const KEY: &str = "a-key-of-more-than-22-characters";
    let app = start().await;
    let mut token = app.register("ann").await.refresh_token;
    for _ in 0..4 {
        app.refresh_with_key(&token, KEY).await.assert_status(200);
        app.advance(TimeDelta::minutes(1));
        let mut next = String::new();
        for _ in 0..5 {
            next = Session::of(&app.refresh_with_key(&token, KEY).await.assert_status(200)).refresh_token;
        }
        token = next;
    }
    let recorded = "SELECT type AS value FROM events WHERE type = 'refresh_redelivered'";
    assert_eq!(app.database.db_texts(recorded).len(), 6);
}

#[actix_web::test]
async fn changes_by_an_administrator_have_a_larger_limit() {
    let app = start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    let mut changes = 0;
    let limited = loop {
        let change = json!({"disabled": changes % 2 == 0});
        let response = app.change_user(&root, &ann.user_id, &change).await;
        if response.status != 200 {
            break response;
        }
        changes += 1;
    };
    assert_limited(limited);
    // One more is available every three seconds.
    assert!((120..200).contains(&changes), "{changes}");
    let before = events(&app);
    let sessions = format!("/admin/users/{}/sessions", ann.user_id);
    assert_limited(in_session(&app, Method::DELETE, &sessions, &root).send().await);
    let session = format!("{sessions}/{}", claims(&ann.refresh_token)["sid"].as_str().unwrap());
    assert_limited(in_session(&app, Method::DELETE, &session, &root).send().await);
    assert_eq!(events(&app), before);
    app.get_json(&root, &sessions).await;
}
