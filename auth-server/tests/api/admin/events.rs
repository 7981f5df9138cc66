use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{Session, TestApp, claims};

/// Types and details of a user's events, oldest first.
pub async fn events(app: &TestApp, by: &Session, of: &Session) -> Vec<(String, Value)> {
    let page = app.get_json(by, &format!("/admin/events?user={}", of.user_id)).await;
    let event = |event: &Value| (event["type"].as_str().unwrap().to_owned(), event["details"].clone());
    page["items"].as_array().unwrap().iter().rev().map(event).collect()
}

#[actix_web::test]
async fn events_are_filtered_by_user_session_type_ip_and_time() {
    let app = TestApp::start().await;
    app.db_administrator("root").await;
    let ann = app.register("ann").await;
    app.advance(TimeDelta::hours(1));
    app.log_in("ann").await;
    let root = app.log_in("root").await;
    app.change_user(&root, &ann.user_id, &json!({"roles": ["editor"]})).await.assert_status(200);
    let found = async |filter: &str| {
        let page = app.get_json(&root, &format!("/admin/events?{filter}")).await;
        let types =
            page["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned());
        types.collect::<Vec<_>>().join(" ")
    };
    let sid = claims(&ann.refresh_token)["sid"].as_str().unwrap().to_owned();
    assert_eq!(
        found("").await,
        "roles_changed login_succeeded login_succeeded registered registered key_made"
    );
    assert_eq!(found(&format!("user={}", ann.user_id)).await, "roles_changed login_succeeded registered");
    assert_eq!(found(&format!("session={sid}")).await, "registered");
    assert_eq!(found("type=registered").await, "registered registered");
    assert_eq!(
        found("ip=127.0.0.1").await,
        "roles_changed login_succeeded login_succeeded registered registered"
    );
    assert_eq!(
        found("ip=::ffff:127.0.0.1&since=2030-01-01T01:00:00Z").await,
        "roles_changed login_succeeded login_succeeded"
    );
    assert_eq!(found("until=2030-01-01T02:00:00%2B01:00").await, "registered registered key_made");
    assert_eq!(found("ip=10.0.0.1").await, "");

    for (field, filter) in [
        ("user", "user=ann"),
        ("user", "user="),
        ("session", "session=%00"),
        ("type", "type=nothing"),
        ("ip", "ip=here"),
        ("since", "since=yesterday"),
        ("until", "until=2030-01-01"),
        ("limit", "limit=0"),
        ("cursor", "cursor=x"),
        ("usr", "usr=x"),
    ] {
        let call = app.get(&format!("/admin/events?{filter}")).cookie(&root.refresh_token);
        let response = call.send().await.assert_problem(422, "invalid_input");
        assert_eq!(response.json()["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
    }
    assert_eq!(
        found("type=registered&type=key_made&type=registered").await,
        "registered registered key_made"
    );
    let twice = app.get("/admin/events?ip=127.0.0.1&ip=127.0.0.1").cookie(&root.refresh_token);
    twice.send().await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn users_do_not_see_the_ip_address_of_an_administrator() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let ann = app.register("ann").await;
    app.change_user(&root, &ann.user_id, &json!({"roles": ["editor"]})).await.assert_status(200);
    let own = app.get_json(&ann, "/auth/events").await["items"][0].clone();
    let all = app.get_json(&root, "/admin/events").await["items"][0].clone();
    assert_eq!((&own["type"], &all["type"]), (&json!("roles_changed"), &json!("roles_changed")));
    assert_eq!((&own["ip"], &all["ip"]), (&json!(null), &json!("127.0.0.1")));
    assert_eq!(own["details"]["by"], json!(root.user_id));
}
