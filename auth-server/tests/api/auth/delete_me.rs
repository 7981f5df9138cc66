use std::time::{Duration, Instant};

use actix_web::rt;
use awc::http::Method;
use chrono::TimeDelta;
use futures_util::future::join;
use serde_json::json;
use test_support::{COOKIE_NAME, Response};

use crate::app::{PASSWORD, Session, TestApp};

async fn delete(app: &TestApp, session: &Session) -> Response {
    app.call(Method::DELETE, "/auth/me").cookie(&session.refresh_token).send().await
}

#[actix_web::test]
async fn deleting_a_user_removes_all_their_data_except_the_id() {
    let app = TestApp::start().await;
    app.register("bob").await;
    let phone = app.register("ann").await;
    app.try_login("ann", &json!({"password": "wrong"})).await.assert_status(401);
    let here = app.log_in("ann").await;

    let response = delete(&app, &here).await.assert_status(204);
    assert!(response.clears_cookie());

    app.refresh(&here.refresh_token).await.assert_ended("user_deleted");
    app.me(&phone.refresh_token).await.assert_ended("user_deleted");
    app.try_login("ann", &json!({})).await.assert_problem(401, "invalid_credentials");
    let count =
        |table: &str| app.database.db_text(&format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {table}"));
    assert_eq!(
        (count("users"), count("sessions"), count("familiar_places")),
        ("1".into(), "1".into(), "1".into())
    );
    let events = format!(
        "SELECT type || COALESCE(ip, '') || COALESCE(user_agent, '') || details AS value FROM events \
         WHERE user_id = '{}' ORDER BY id",
        here.user_id
    );
    let kinds =
        ["registered", "login_failed", "login_succeeded", "user_deleted"].map(|kind| format!("{kind}{{}}"));
    assert_eq!(app.database.db_texts(&events), kinds);
    let dump = app.database.db_dump();
    assert!(!dump.contains("ann@example.org"));
    // The e-mail address can be registered again.
    app.register("ann").await;
}

#[actix_web::test]
async fn of_the_mails_of_a_deleted_user_only_notices_that_wait_remain() {
    let app = TestApp::start().await;
    let [ann, bob] = [app.register("ann").await, app.register("bob").await];
    // Not old enough to be purged.
    let at = "'2030-01-01 12:00:00'";
    for user in [&ann, &bob] {
        let id = &user.user_id;
        app.database.db_execute(&format!(
            "INSERT INTO proofs (id, purpose, email, user_id, key_id, created_at, expires_at) \
             VALUES ('{id}', 'reset', 'x@example.org', '{id}', 'key', {at}, {at})"
        ));
        for (kind, proof, sent) in [
            ("reset", format!("'{id}'"), "NULL"),
            ("reset", format!("'{id}'"), at),
            ("password_changed", "NULL".to_owned(), at),
            ("new_device", "NULL".to_owned(), "NULL"),
        ] {
            app.database.db_execute(&format!(
                "INSERT INTO mails (id, kind, recipient, user_id, proof_id, requester, locale, data, created_at, due_at, \
                 expires_at, sent_at) VALUES ('{id}-{kind}-{}', '{kind}', 'x@example.org', '{id}', {proof}, '', 'en', '{{}}', \
                 {at}, {at}, {at}, {sent})",
                if sent == at { "sent" } else { "waiting" }
            ));
        }
    }
    delete(&app, &ann).await.assert_status(204);
    let left = |table: &str, user: &Session| {
        let id = &user.user_id;
        let sql = format!("SELECT id AS value FROM {table} WHERE user_id = '{id}' ORDER BY id");
        app.database.db_texts(&sql).iter().map(|row| row.replace(id, "")).collect::<Vec<_>>()
    };
    assert_eq!(left("proofs", &ann), Vec::<String>::new());
    assert_eq!(left("mails", &ann), ["-new_device-waiting"]);
    assert_eq!((left("proofs", &bob).len(), left("mails", &bob).len()), (1, 4));
}

#[actix_web::test]
async fn a_user_with_many_sessions_and_events_is_deleted_in_batches() {
    delete_in_batches(1200, 1700).await;
}

#[ignore = "long: a million events"]
#[actix_web::test]
async fn a_user_with_a_million_events_can_be_deleted() {
    delete_in_batches(20_000, 1_000_000).await;
}

async fn delete_in_batches(sessions: u32, events: u32) {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    app.db_copy_session(&ann, sessions);
    app.database.db_execute(
        "UPDATE sessions SET ended_at = created_at, end_reason = 'logged_out' WHERE rotated_at < created_at",
    );
    app.db_add_events(&ann, events);
    // Maintenance of this server has run at the start, and runs again after a minute.
    let started = Instant::now();
    delete(&app, &ann).await.assert_status(204);
    let deleted = started.elapsed();
    let count = |rows: &str| {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {rows}");
        app.database.db_text(&sql).parse::<u32>().unwrap()
    };
    let with_data = || count("events WHERE ip IS NOT NULL AND type = 'names_changed'");
    assert!(with_data() >= events - 500 || deleted.as_secs() > 30);

    app.refresh(&ann.refresh_token).await.assert_ended("user_deleted");
    app.get("/auth/me").bearer(&ann.access_token).send().await.assert_ended("user_deleted");
    app.try_login("ann", &json!({})).await.assert_problem(401, "invalid_credentials");
    let path = format!("/admin/users/{}", ann.user_id);
    app.get(&path).cookie(&root.refresh_token).send().await.assert_problem(404, "not_found");
    for query in ["", "?q=", &format!("?q={}", ann.user_id), &format!("?q={}", &ann.user_id[..8])] {
        let listed = app.get_json(&root, &format!("/admin/users{query}")).await;
        assert!(!listed.to_string().contains(&ann.user_id), "{listed}");
    }
    assert!(!app.database.db_dump().contains("ann@example.org"));
    let again = app.register("ann").await;

    // As after a crash.
    let started = Instant::now();
    let app = app.restart().await;
    let deleting = "SELECT CAST(COUNT(*) AS TEXT) AS value FROM users WHERE deleted_at IS NOT NULL";
    while app.database.db_text(deleting) != "0" {
        assert!(started.elapsed() < Duration::from_secs(600), "the deletion is not completed");
        rt::time::sleep(Duration::from_millis(50)).await;
        app.me(&again.refresh_token).await.assert_status(200);
    }
    println!("{events} events: deleted in {deleted:?}, cleaned up in {:?}", started.elapsed());
    let count =
        |rows: &str| app.database.db_text(&format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {rows}"));
    assert_eq!(count(&format!("sessions WHERE user_id = '{}'", ann.user_id)), "0");
    let events_of_ann = format!("events WHERE user_id = '{}'", ann.user_id);
    // With the registration and the deletion.
    assert_eq!(count(&events_of_ann), (events + 2).to_string());
    let data = "(ip IS NOT NULL OR user_agent IS NOT NULL OR details <> '{}')";
    assert_eq!(count(&format!("{events_of_ann} AND {data}")), "0");
    app.refresh(&ann.refresh_token).await.assert_ended("user_deleted");
    app.me(&again.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_failed_login_during_a_deletion_stores_no_ip_address() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let deletion = app.database.db_begin("DELETE FROM users");
    let wrong = async { app.try_login("ann", &json!({"password": "wrong"})).await };
    let commit = async {
        rt::time::sleep(Duration::from_millis(300)).await;
        deletion.commit();
    };
    join(wrong, commit).await.0.assert_problem(401, "invalid_credentials");
    let failed = "SELECT COALESCE(ip, 'none') AS value FROM events WHERE type = 'login_failed'";
    assert_eq!(app.database.db_text(failed), "none");
}

#[actix_web::test]
async fn deleting_a_user_requires_a_recent_login() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.advance(TimeDelta::seconds(301));
    let response = delete(&app, &session).await.assert_problem(403, "fresh_login_required");
    assert_eq!(response.json()["max_age"], json!(300));
    assert!(response.header("www-authenticate").unwrap().contains("insufficient_user_authentication"));

    let body = json!({"password": PASSWORD});
    let again = app.post("/auth/reauthenticate").cookie(&session.refresh_token).json(&body).send();
    let session = Session::of(&again.await.assert_status(200));
    app.advance(TimeDelta::seconds(300));
    delete(&app, &session).await.assert_status(204);
}

#[actix_web::test]
async fn the_last_administrator_cannot_delete_themselves() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await;
    let bob = app.register("bob").await;
    app.database.db_execute(r#"UPDATE users SET roles = '["admin"]'"#);
    delete(&app, &ann).await.assert_status(204);
    let response = delete(&app, &bob).await.assert_problem(409, "last_administrator");
    assert!(response.set_cookie().is_none());
    app.refresh(&bob.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn when_two_administrators_delete_themselves_concurrently_one_stays() {
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
async fn deleting_a_user_with_a_body_session_sets_no_cookie() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let response = app.try_login("ann", &json!({"token_delivery": "body"})).await.assert_status(200);
    let token = response.json()["refresh_token"].as_str().unwrap().to_owned();
    let response = app.call(Method::DELETE, "/auth/me").bearer(&token).send().await.assert_status(204);
    assert!(!response.text().contains(COOKIE_NAME) && response.set_cookie().is_none());
}
