//! Failed logins with names that no user has: events and rows stay few, however many names are tried.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::TestApp;

async fn start() -> TestApp {
    TestApp::with(&["--trusted-proxies", "127.0.0.1", "--login-rate-per-ip", "1000000"]).await
}

async fn fail(app: &TestApp, from: &str, name: &str) {
    let body = json!({"email": format!("{name}@example.org"), "password": "wrong"});
    let call = app.post("/auth/login").header("x-forwarded-for", from).json(&body);
    call.send().await.assert_problem(401, "invalid_credentials");
}

/// Time, address and number of the failed logins, oldest first.
fn counted(page: &Value) -> Vec<(String, String, u64)> {
    let items = page["items"].as_array().unwrap().iter().rev();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items
        .map(|event| {
            assert_eq!((&event["user_id"], &event["user_agent"]), (&json!(null), &json!(null)));
            (text(&event["at"]), text(&event["ip"]), event["details"]["count"].as_u64().unwrap_or(1))
        })
        .collect()
}

#[actix_web::test]
async fn failed_logins_with_unknown_names_are_one_event_per_address_and_hour() {
    let app = start().await;
    let root = app.db_administrator("root").await;
    let failed = async |filter: &str| {
        counted(&app.get_json(&root, &format!("/admin/events?type=login_failed{filter}")).await)
    };
    app.advance(TimeDelta::minutes(10));
    for number in 0..30 {
        fail(&app, "203.0.113.7", &format!("unknown-{number}")).await;
        fail(&app, &format!("2001:db8:1:2::{number:x}"), &format!("unknown-{number}")).await;
        app.advance(TimeDelta::seconds(1));
    }
    fail(&app, "203.0.113.8", "unknown").await;
    app.advance(TimeDelta::hours(1));
    fail(&app, "203.0.113.7", "unknown").await;
    let event = |at: &str, ip: &str, count| (format!("2030-01-01T{at}Z"), ip.to_owned(), count);
    let expected = [
        event("00:10:00", "203.0.113.7", 30),
        event("00:10:00", "2001:db8:1:2::/64", 30),
        event("00:10:30", "203.0.113.8", 1),
        event("01:10:30", "203.0.113.7", 1),
    ];
    assert_eq!(failed("").await, expected);
    assert_eq!(failed("&ip=203.0.113.7").await, [expected[0].clone(), expected[3].clone()]);
    assert_eq!(failed("&ip=2001:db8:1:2::ffff").await, [expected[1].clone()]);
}

#[actix_web::test]
async fn concurrent_failed_logins_at_two_servers_are_one_event() {
    let app = start().await;
    let other = app.another().await;
    let attempts = (0..40).map(|number| {
        let app = if number % 2 == 0 { &app } else { &other };
        async move { fail(app, "203.0.113.7", &format!("unknown-{number}")).await }
    });
    futures_util::future::join_all(attempts).await;
    let counts = "SELECT CAST(occurrences AS TEXT) AS value FROM events WHERE type = 'login_failed'";
    assert_eq!(app.database.db_texts(counts), ["40"]);
}

#[actix_web::test]
async fn failed_logins_of_a_user_remain_single_events() {
    let app = start().await;
    let ann = app.register("ann").await;
    for _ in 0..3 {
        fail(&app, "203.0.113.7", "ann").await;
    }
    let page = app.get_json(&ann, "/auth/events").await;
    let failed = page["items"].as_array().unwrap().iter().filter(|event| event["type"] == "login_failed");
    assert_eq!(failed.filter(|event| event["ip"] == "203.0.113.7").count(), 3);
}

#[actix_web::test]
async fn failures_of_unknown_names_are_purged_after_an_hour() {
    let app = start().await;
    for number in 0..600 {
        fail(&app, "203.0.113.7", &format!("unknown-{number}")).await;
    }
    let rows = || app.database.db_texts("SELECT account AS value FROM password_failures").len();
    assert_eq!(rows(), 1200);
    app.advance(TimeDelta::minutes(61));
    // Maintenance runs at startup, and deletes 500 at a time.
    let _other = app.another().await;
    for _ in 0..100 {
        if rows() == 0 {
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{} rows", rows());
}
