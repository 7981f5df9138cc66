use std::time::Duration;

use actix_web::rt;
use awc::http::Method;
use chrono::TimeDelta;
use futures_util::future::join;
use serde_json::json;
use test_support::{Answer, COOKIE_NAME};

use crate::app::{PASSWORD, Session, TestApp};

async fn delete(app: &TestApp, session: &Session) -> Answer {
    app.call(Method::DELETE, "/auth/me").cookie(&session.refresh_token).send().await
}

#[actix_web::test]
async fn who_leaves_takes_everything_along_but_an_id() {
    let app = TestApp::start().await;
    app.register("bob").await;
    let phone = app.register("ann").await;
    app.try_login("ann", &json!({"password": "wrong"})).await.assert_status(401);
    let here = app.log_in("ann").await;

    let answer = delete(&app, &here).await.assert_status(204);
    assert!(answer.clears_cookie());

    app.refresh(&here.refresh_token).await.assert_ended("user_deleted");
    app.me(&phone.refresh_token).await.assert_ended("user_deleted");
    app.try_login("ann", &json!({})).await.assert_problem(401, "invalid_credentials");
    let count =
        |table: &str| app.database.db_text(&format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {table}"));
    assert_eq!(
        (count("users"), count("sessions"), count("familiar_places")),
        ("1".into(), "1".into(), "2".into())
    );
    let theirs = format!(
        "SELECT type || COALESCE(ip, '') || COALESCE(user_agent, '') || details AS value FROM events \
         WHERE user_id = '{}' ORDER BY id",
        here.user_id
    );
    let kinds =
        ["registered", "login_failed", "login_succeeded", "user_deleted"].map(|kind| format!("{kind}{{}}"));
    assert_eq!(app.database.db_texts(&theirs), kinds);
    let dump = app.database.db_dump();
    assert!(!dump.contains("ann@example.org"));
    // The address is free again.
    app.register("ann").await;
}

#[actix_web::test]
async fn who_leaves_while_somebody_is_wrong_about_the_password_leaves_no_address() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let leaving = app.database.db_begin("DELETE FROM users");
    let wrong = async { app.try_login("ann", &json!({"password": "wrong"})).await };
    let commit = async {
        rt::time::sleep(Duration::from_millis(300)).await;
        leaving.commit();
    };
    join(wrong, commit).await.0.assert_problem(401, "invalid_credentials");
    let failed = "SELECT COALESCE(ip, 'none') AS value FROM events WHERE type = 'login_failed'";
    assert_eq!(app.database.db_text(failed), "none");
}

#[actix_web::test]
async fn a_session_that_was_left_open_cannot_delete_its_person() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::seconds(301));
    let answer = delete(&app, &session).await.assert_problem(403, "fresh_login_required");
    assert_eq!(answer.json()["max_age"], json!(300));
    assert!(answer.header("www-authenticate").unwrap().contains("insufficient_user_authentication"));

    let body = json!({"password": PASSWORD});
    let again = app.post("/auth/reauthenticate").cookie(&session.refresh_token).json(&body).send();
    again.await.assert_status(200);
    app.advance(TimeDelta::seconds(300));
    delete(&app, &session).await.assert_status(204);
}

#[actix_web::test]
async fn the_last_administrator_cannot_leave() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    let bob = app.register("bob").await;
    app.database.db_execute(r#"UPDATE users SET roles = '["admin"]'"#);
    delete(&app, &ann).await.assert_status(204);
    let answer = delete(&app, &bob).await.assert_problem(409, "last_administrator");
    assert!(answer.set_cookie().is_none());
    app.refresh(&bob.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn two_administrators_who_leave_at_once_do_not_both() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let other = app.another().await;
    for round in 0..8 {
        let names = [format!("ann{round}"), format!("bob{round}")];
        let (ann, bob) = (app.register(&names[0]).await, app.register(&names[1]).await);
        app.database.db_execute(r#"UPDATE users SET roles = '["admin"]'"#);
        let (first, second) = futures_util::future::join(delete(&app, &ann), delete(&other, &bob)).await;
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
        app.database.db_execute("DELETE FROM users");
    }
}

#[actix_web::test]
async fn a_body_session_leaves_without_its_cookie_being_touched() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let answer = app.try_login("ann", &json!({"token_delivery": "body"})).await.assert_status(200);
    let token = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    let answer = app.call(Method::DELETE, "/auth/me").bearer(&token).send().await.assert_status(204);
    assert!(!answer.text().contains(COOKIE_NAME) && answer.set_cookie().is_none());
}
