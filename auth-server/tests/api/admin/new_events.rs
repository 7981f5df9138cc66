//! `GET /admin/events` with `after` and `wait`.

use std::time::{Duration, Instant};

use actix_web::rt;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::app::{Session, TestApp};

fn types(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

async fn cursor(app: &TestApp, by: &Session) -> String {
    app.get_json(by, "/admin/events?limit=1").await["cursor"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn new_events_follow_the_first_page_in_order() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let first = app.get_json(&root, "/admin/events?limit=1").await;
    let next = first["next_cursor"].as_str().unwrap();
    assert!(app.get_json(&root, &format!("/admin/events?cursor={next}")).await.get("cursor").is_none());
    let start = first["cursor"].as_str().unwrap();
    let ann = app.register("ann").await;
    app.log_in("ann").await;
    app.log_in("root").await;
    let new = app.get_json(&root, &format!("/admin/events?after={start}")).await;
    assert_eq!(types(&new), ["registered", "login_succeeded", "login_succeeded"]);
    assert!(new.get("next_cursor").is_none());
    let none = format!("/admin/events?after={}", new["cursor"].as_str().unwrap());
    assert!(types(&app.get_json(&root, &none).await).is_empty());
    let filter = format!("type=login_succeeded&type=login_failed&user={}", ann.user_id);
    let filtered = app.get_json(&root, &format!("/admin/events?after={start}&{filter}")).await;
    assert_eq!(types(&filtered), ["login_succeeded"]);
    // Page by page.
    let (mut seen, mut at) = (Vec::new(), start.to_owned());
    for _ in 0..4 {
        let page = app.get_json(&root, &format!("/admin/events?after={at}&limit=1")).await;
        seen.extend(types(&page).into_iter().map(str::to_owned));
        page["cursor"].as_str().unwrap().clone_into(&mut at);
    }
    assert_eq!(seen, ["registered", "login_succeeded", "login_succeeded"]);
}

#[actix_web::test]
async fn a_waiting_request_returns_with_the_first_event_or_at_the_end() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let start = cursor(&app, &root).await;
    let started = Instant::now();
    let empty = app.get_json(&root, &format!("/admin/events?after={start}&wait=1")).await;
    assert!(types(&empty).is_empty() && started.elapsed() >= Duration::from_secs(1));
    let path = format!("/admin/events?after={start}&wait=25");
    let register = async {
        rt::time::sleep(Duration::from_millis(100)).await;
        app.register("ann").await
    };
    let started = Instant::now();
    let (page, _) = join(app.get_json(&root, &path), register).await;
    assert_eq!(types(&page), ["registered"]);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[actix_web::test]
async fn a_waiting_request_ends_with_the_session_or_the_role() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let second = app.db_administrator("second").await;
    let third = app.db_administrator("third").await;
    // No event matches, so that only the check ends the requests.
    let path = |start: &str| format!("/admin/events?after={start}&wait=25&type=key_retired");
    let start = cursor(&app, &root).await;
    let wait = |by: &Session| app.get(&path(&start)).cookie(&by.refresh_token).send();
    let change = async {
        rt::time::sleep(Duration::from_millis(100)).await;
        app.change_user(&root, &second.user_id, &json!({"roles": []})).await.assert_status(200);
        app.change_user(&root, &third.user_id, &json!({"disabled": true})).await.assert_status(200);
    };
    let started = Instant::now();
    let (demoted, (disabled, ())) = join(wait(&second), join(wait(&third), change)).await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    demoted.assert_problem(403, "role_required");
    disabled.assert_ended("user_disabled");
}

#[actix_web::test]
async fn waiting_requests_are_limited_and_hold_no_connections() {
    let app = TestApp::with(&["--database-pool-size", "2"]).await;
    let root = app.db_administrator("root").await;
    let start = cursor(&app, &root).await;
    let path = format!("/admin/events?after={start}&wait=8&type=key_retired");
    let mut administrators = Vec::new();
    for number in 0..10 {
        administrators.push(app.db_administrator(&format!("other{number}")).await);
    }
    let wait = |by: &Session, requests: usize| {
        let calls: Vec<_> = (0..requests).map(|_| app.get(&path).cookie(&by.refresh_token).send()).collect();
        join_all(calls)
    };
    let of_one = wait(&root, 6);
    let of_others = async {
        rt::time::sleep(Duration::from_millis(500)).await;
        let calls = administrators.iter().enumerate();
        join_all(calls.map(|(number, by)| wait(by, if number == 0 { 1 } else { 5 }))).await
    };
    let waiting = join(of_one, of_others);
    let others = async {
        rt::time::sleep(Duration::from_secs(1)).await;
        let started = Instant::now();
        app.me(&root.refresh_token).await.assert_status(200);
        started.elapsed()
    };
    let ((of_one, of_others), took) = join(waiting, others).await;
    assert!(took < Duration::from_secs(4), "{took:?}");
    let of_others = of_others.into_iter().flatten().collect::<Vec<_>>();
    for (responses, status, code) in [(of_one, 429, "too_many_requests"), (of_others, 503, "unavailable")] {
        let rejected = responses.into_iter().filter(|response| response.status != 200).collect::<Vec<_>>();
        assert_eq!(rejected.len(), 1, "{code}");
        let rejected = rejected.into_iter().next().unwrap().assert_problem(status, code);
        assert!(rejected.header("retry-after").is_some());
    }
    assert_eq!(
        app.get(&path.replace("wait=8", "wait=1")).cookie(&root.refresh_token).send().await.status,
        200
    );
}

#[actix_web::test]
async fn many_events_that_do_not_match_delay_no_other() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let start = cursor(&app, &root).await;
    let ann = app.register("ann").await;
    app.db_add_events(&ann, 2_500);
    app.log_in("ann").await;
    let path = format!("/admin/events?after={start}&wait=5&limit=100&type=login_succeeded");
    assert_eq!(types(&app.get_json(&root, &path).await), ["login_succeeded"]);
}

#[actix_web::test]
async fn invalid_combinations_are_rejected() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let start = cursor(&app, &root).await;
    for (field, query) in [
        ("after", "after=x".to_owned()),
        ("wait", "wait=1".to_owned()),
        ("wait", format!("after={start}&wait=26")),
        ("wait", format!("after={start}&wait=0")),
        ("cursor", format!("after={start}&cursor=1893456000.000000000-1")),
        ("type", "type=registered&type=nothing".to_owned()),
    ] {
        let call = app.get(&format!("/admin/events?{query}")).cookie(&root.refresh_token);
        let response = call.send().await.assert_problem(422, "invalid_input");
        assert_eq!(response.json()["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
    }
}
