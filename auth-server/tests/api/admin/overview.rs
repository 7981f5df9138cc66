//! `GET /admin/overview`.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{Session, TestApp};

async fn overview(app: &TestApp, by: &Session) -> Value {
    app.get_json(by, "/admin/overview").await
}

/// Logins, failures and registrations of the last days.
fn days<const N: usize>(overview: &Value) -> [Value; N] {
    let days = overview["days"].as_array().unwrap();
    assert_eq!(days.len(), 14);
    std::array::from_fn(|index| days[14 - N + index].clone())
}

#[actix_web::test]
async fn the_overview_has_numbers_of_users_sessions_and_events() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    app.register("bob").await;
    app.log_in("ann").await;
    app.try_login("bob", &json!({"password": "wrong horse battery staple"})).await.assert_status(401);
    for name in ["carl", "dan"] {
        app.try_login(name, &json!({})).await.assert_status(401);
    }
    app.change_user(&root, &ann.user_id, &json!({"disabled": true})).await.assert_status(200);
    let first = overview(&app, &root).await;
    assert_eq!(first["measured_at"], "2030-01-01T00:00:00Z");
    assert_eq!(first["users"], json!({"total": 3, "disabled": 1, "unverified": 3}));
    assert_eq!(first["active_sessions"], 2);
    let day = json!({"date": "2030-01-01", "logins": 1, "failed_logins": 3, "registrations": 3});
    let none = json!({"date": "2029-12-31", "logins": 0, "failed_logins": 0, "registrations": 0});
    assert_eq!(days(&first), [none, day.clone()]);
    let latest: Vec<_> =
        first["latest"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(latest, ["user_disabled", "key_made"]);

    app.advance(TimeDelta::days(1));
    let root = app.log_in("root").await;
    let next = overview(&app, &root).await;
    let today = json!({"date": "2030-01-02", "logins": 1, "failed_logins": 0, "registrations": 0});
    assert_eq!(days(&next), [day, today]);
    app.get("/admin/overview").cookie(&ann.refresh_token).send().await.assert_ended("user_disabled");
}

/// A server with a fast clock would keep the others from counting until their clocks have caught up.
#[actix_web::test]
async fn the_background_counts_use_the_clock_of_the_database() {
    let app = TestApp::start().await;
    if !app.database.is_postgres() {
        return; // SQLite has no clock of its own.
    }
    let is_done = "SELECT name AS value FROM row_counts WHERE counted_at IS NOT NULL";
    let started = Instant::now();
    while app.database.db_texts(is_done).len() < 4 {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing was counted");
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    let ahead = "SELECT name AS value FROM row_counts WHERE due_at > now() AT TIME ZONE 'UTC' + INTERVAL '1 day' \
                 UNION ALL SELECT 'seen' FROM event_counter WHERE seen_at > now() AT TIME ZONE 'UTC' + INTERVAL '1 day' \
                 UNION ALL SELECT 'hours' FROM event_counter WHERE hours_until > now() AT TIME ZONE 'UTC' + INTERVAL '1 day'";
    assert_eq!(app.database.db_texts(ahead), Vec::<String>::new(), "the server's clock is years ahead");
}
