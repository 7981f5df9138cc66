//! Metrics in the text format and in OpenMetrics.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures_util::future;
use serde_json::json;
use shared_claims::{Clock, SystemClock};
use test_support::{Call, Response};

use crate::app::{PASSWORD, Session, TestApp};

const LISTENER: [&str; 2] = ["--metrics-addr", "127.0.0.1:0"];

async fn page(app: &TestApp) -> String {
    fetch(app, "/metrics").await.assert_status(200).text()
}

async fn fetch(app: &TestApp, path: &str) -> Response {
    let url = format!("{}{path}", app.metrics_url.as_ref().expect("a listener"));
    Call::new(awc::http::Method::GET, url).send().await
}

/// The value of a sample, by its name and labels in the exported order.
fn value(page: &str, line: &str) -> f64 {
    let found = page.lines().find_map(|text| text.strip_prefix(&format!("latchkey_auth_{line} ")));
    found.unwrap_or_else(|| panic!("no {line} in {page}")).parse().expect("a number")
}

/// The exported metrics, by the names that queries use.
fn exported(page: &str) -> BTreeSet<String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split_once(' ').expect("a type").0.to_owned()).collect()
}

/// The metrics in the tables of the manual.
fn documented(prefix: &str) -> BTreeSet<String> {
    let rows =
        include_str!("../../../../docs/metrics.md").lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| row.split('`').next()).filter(|name| name.starts_with(prefix));
    names.map(str::to_owned).collect()
}

#[actix_web::test]
async fn the_manual_lists_exactly_the_exported_metrics() {
    let app = TestApp::with(&LISTENER).await;
    app.get("/healthz").send().await.assert_status(200);
    let exported = exported(&page(&app).await);
    assert!(exported.len() > 15, "{exported:?}");
    let documented: BTreeSet<String> = &documented("latchkey_auth_") | &documented("process_");
    assert_eq!(exported, documented);
}

#[actix_web::test]
async fn metrics_have_their_own_listener_if_enabled() {
    let app = TestApp::with(&LISTENER).await;
    let response = fetch(&app, "/metrics").await.assert_status(200);
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    fetch(&app, "/readyz").await.assert_problem(404, "not_found");
    app.get("/metrics").send().await.assert_problem(404, "not_found");
    assert!(TestApp::start().await.metrics_url.is_none());

    let taken = app.metrics_url.as_ref().unwrap().trim_start_matches("http://");
    let error = app.another_with(&["--metrics-addr", taken]).await.err().expect("a startup error");
    assert!(error.starts_with("METRICS_ADDR: cannot listen on "), "{error}");
}

#[actix_web::test]
async fn the_process_has_the_usual_metrics() {
    let app = TestApp::with(&LISTENER).await;
    let page = page(&app).await;
    let value = |name: &str| {
        let found = page.lines().find_map(|line| line.strip_prefix(&format!("process_{name} ")));
        found.unwrap_or_else(|| panic!("no {name} in {page}")).parse::<f64>().expect("a number")
    };
    let files = std::fs::read_dir("/proc/self/fd").expect("files").count();
    let files = f64::from(u32::try_from(files).expect("few files"));
    assert!((value("open_fds") - files).abs() < 0.5 * files, "about {files}: {}", value("open_fds"));
    assert!(value("max_fds") > value("open_fds"));
    assert!((1e6..1e10).contains(&value("resident_memory_bytes")));
    assert!(value("cpu_seconds_total") > 0.0);
    let now = (SystemClock.now() - chrono::DateTime::UNIX_EPOCH).as_seconds_f64();
    let age = now - value("start_time_seconds");
    assert!((-2.0..3600.0).contains(&age), "started {age} s ago");
}

/// Every line is metadata of the following samples, or a sample with a name and a number.
fn assert_text_format(page: &str) {
    let mut metric = "";
    for line in page.lines() {
        if let Some((name, _)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            metric = name;
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            assert_eq!(name, metric, "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
        } else {
            let (name, number) = line.rsplit_once(' ').expect("a name and a number");
            assert!(name.starts_with(metric) && !line.starts_with('#'), "{line}");
            assert!(number.parse::<f64>().is_ok(), "{line}");
        }
    }
}

#[actix_web::test]
async fn the_format_is_the_one_that_the_client_accepts() {
    let app = TestApp::with(&LISTENER).await;
    app.get("/healthz").send().await.assert_status(200);
    let url = format!("{}/metrics", app.metrics_url.as_ref().unwrap());
    let fetch = async |accept: &str| {
        let call = Call::new(awc::http::Method::GET, url.clone()).header("accept", accept);
        call.send().await.assert_status(200)
    };
    let text = fetch("text/plain;version=0.0.4;q=1,*/*;q=0.1").await;
    assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(text.header("vary"), Some("Accept"));
    assert_text_format(&text.text());
    assert!(text.text().contains("# TYPE latchkey_auth_http_requests_total counter\n"), "{}", text.text());
    assert!(text.text().contains("# TYPE latchkey_auth_build_info gauge\n"), "{}", text.text());

    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2";
    let open_metrics = fetch(accept).await;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open_metrics.header("content-type"), Some(media_type));
    assert!(open_metrics.text().ends_with("# EOF\n"));
    assert!(open_metrics.text().contains("# TYPE latchkey_auth_http_requests counter\n"));
}

#[actix_web::test]
async fn the_metrics_listener_stops_with_the_server() {
    let app = TestApp::with(&LISTENER).await;
    page(&app).await;
    let url = format!("{}/metrics", app.metrics_url.clone().unwrap());
    app.stop().await;
    for _ in 0..500 {
        if Call::new(awc::http::Method::GET, url.clone()).try_send().await.is_err() {
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it still responds");
}

#[actix_web::test]
async fn requests_are_counted_by_route_pattern_and_never_by_path() {
    let app = TestApp::with(&LISTENER).await;
    for path in ["/auth/sessions/one", "/auth/sessions/two"] {
        app.call(awc::http::Method::DELETE, path).send().await.assert_status(401);
    }
    for path in ["/a", "/b", "/auth/sessions/one/two"] {
        app.get(path).send().await.assert_status(404);
    }
    let odd = awc::http::Method::from_bytes(b"BREW").unwrap();
    app.call(odd, "/healthz").send().await.assert_status(405);
    app.post("/auth/login").header("origin", "https://elsewhere.example").send().await.assert_status(403);
    app.get("/healthz").send().await.assert_status(200);
    let page = page(&app).await;
    for (labels, expected) in [
        (r#"route="/auth/sessions/{id}",method="DELETE",status="401""#, 2.0),
        (r#"route="unmatched",method="GET",status="404""#, 3.0),
        (r#"route="/healthz",method="other",status="405""#, 1.0),
        (r#"route="/auth/login",method="POST",status="403""#, 1.0),
        (r#"route="/healthz",method="GET",status="200""#, 1.0),
    ] {
        assert!(
            (value(&page, &format!("http_requests_total{{{labels}}}")) - expected).abs() < 0.1,
            "{labels}"
        );
    }
    assert!(!page.contains("/auth/sessions/one") && !page.contains("BREW"));
    let took = r#"http_request_duration_seconds_count{route="unmatched",method="GET"}"#;
    assert!((value(&page, took) - 3.0).abs() < 0.1);
    let within = r#"http_request_duration_seconds_bucket{le="10.0",route="unmatched",method="GET"}"#;
    assert!((value(&page, within) - 3.0).abs() < 0.1);
}

#[actix_web::test]
async fn logins_and_registrations_are_counted_by_result() {
    let app = TestApp::with(&[&LISTENER[..], &["--login-rate-per-ip", "6"]].concat()).await;
    let register = async |user| app.post("/auth/register").json(&user).send().await.status;
    assert_eq!(register(json!({"email": "ann@example.org", "password": PASSWORD})).await, 201);
    assert_eq!(register(json!({"email": "ann@example.org", "password": PASSWORD})).await, 409);
    assert_eq!(register(json!({"email": "bob@example.org", "password": "123456789"})).await, 422);
    app.try_login("ann", &json!({})).await.assert_status(200);
    app.try_login("ann", &json!({"password": "wrong"})).await.assert_status(401);
    app.try_login("nobody", &json!({})).await.assert_status(401);
    app.try_login("ann", &json!({"audience": "other"})).await.assert_status(422);
    app.try_login("nobody", &json!({})).await.assert_status(401);
    app.try_login("ann", &json!({})).await.assert_status(429);
    assert_eq!(register(json!({"email": "cid@example.org", "password": PASSWORD})).await, 429);

    let page = page(&app).await;
    for (line, expected) in [
        (r#"registrations_total{result="succeeded"}"#, 1.0),
        (r#"registrations_total{result="taken"}"#, 1.0),
        (r#"registrations_total{result="weak_password"}"#, 1.0),
        (r#"registrations_total{result="throttled"}"#, 1.0),
        (r#"registrations_total{result="closed"}"#, 0.0),
        (r#"logins_total{result="succeeded"}"#, 1.0),
        (r#"logins_total{result="invalid_credentials"}"#, 3.0),
        (r#"logins_total{result="malformed"}"#, 1.0),
        (r#"logins_total{result="throttled"}"#, 1.0),
        (r#"logins_total{result="busy"}"#, 0.0),
    ] {
        assert!((value(&page, line) - expected).abs() < 0.1, "{line}: {page}");
    }
}

#[actix_web::test]
async fn refreshes_are_counted_by_outcome() {
    let app = TestApp::with(&LISTENER).await;
    let outcome =
        async |name: &str| value(&page(&app).await, &format!("refreshes_total{{outcome=\"{name}\"}}"));
    let first = app.register("ann").await;
    let key = "a-key-of-more-than-22-characters";
    app.refresh_with_key(&first.refresh_token, key).await.assert_status(200);
    app.refresh(&first.refresh_token).await.assert_status(200);
    app.advance(TimeDelta::minutes(1));
    app.refresh_with_key(&first.refresh_token, key).await.assert_status(200);
    app.refresh(&first.refresh_token).await.assert_ended("reuse_detected");
    app.refresh("forged").await.assert_ended("unknown");
    let left = app.log_in("ann").await;
    app.post("/auth/logout").cookie(&left.refresh_token).send().await.assert_status(204);
    app.refresh(&left.refresh_token).await.assert_ended("logged_out");
    let restored = app.log_in("ann").await;
    let newer = Session::of(&app.refresh(&restored.refresh_token).await.assert_status(200));
    app.database.db_execute("UPDATE sessions SET generation = 0 WHERE generation = 1 AND ended_at IS NULL");
    app.refresh(&newer.refresh_token).await.assert_status(200);
    app.database.db_execute("ALTER TABLE sessions RENAME TO gone");
    app.refresh(&newer.refresh_token).await.assert_status(503);
    for (name, expected) in [
        ("rotated", 2.0),
        ("redelivered_in_grace", 1.0),
        ("redelivered_by_key", 1.0),
        ("reuse_detected", 1.0),
        ("logged_out", 1.0),
        ("restored", 1.0),
        ("unavailable", 1.0),
        ("expired", 0.0),
    ] {
        let counted = outcome(name).await;
        assert!((counted - expected).abs() < 0.1, "{name}: {counted}");
    }
}

#[actix_web::test]
async fn the_pool_has_as_many_connections_as_the_setting_says() {
    let mut most = Vec::new();
    for size in ["1", "5"] {
        let app = TestApp::with(&[&LISTENER[..], &["--database-pool-size", size]].concat()).await;
        let ann = app.register("ann").await;
        // One connection is enough for every request.
        let (one, other) = future::join(app.me(&ann.refresh_token), app.me(&ann.refresh_token)).await;
        one.assert_status(200);
        other.assert_status(200);
        app.refresh(&ann.refresh_token).await.assert_status(200);
        most.push(value(&page(&app).await, "database_connections_max"));
    }
    assert!((most[1] - most[0] - 4.0).abs() < 0.1, "{most:?}");
}

#[actix_web::test]
async fn the_state_of_pools_and_keys_is_exported() {
    let app = TestApp::with(&LISTENER).await;
    app.register("ann").await;
    let before = page(&app).await;
    assert!(value(&before, "password_threads") >= 1.0);
    assert!(value(&before, "password_threads_busy").abs() < 0.1);
    assert!(value(&before, "passwords_waiting").abs() < 0.1);
    assert!(value(&before, "database_connections") >= 1.0);
    assert!(value(&before, "database_connections_max") >= value(&before, "database_connections"));
    assert!(value(&before, "database_connection_wait_seconds_count") >= 3.0);
    assert!((value(&before, "signing_keys") - 1.0).abs() < 0.1);
    app.advance(TimeDelta::seconds(100));
    // Key maintenance runs every second and uses the clock that has just been moved.
    assert!(value(&page(&app).await, "signing_key_age_seconds") >= 100.0);
    for _ in 0..500 {
        if value(&page(&app).await, "signing_keys_looked_after_seconds") < 1.0 {
            break;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(value(&page(&app).await, "signing_keys_looked_after_seconds") < 1.0);

    app.database.db_execute("ALTER TABLE signing_keys RENAME TO gone");
    app.advance(TimeDelta::seconds(50));
    // Long enough for one run of key maintenance. On a slow machine there is none, with the same result.
    actix_web::rt::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(
        value(&page(&app).await, "signing_keys_looked_after_seconds") >= 50.0,
        "a failed run does not count"
    );
}

#[actix_web::test]
async fn the_clock_difference_and_purged_rows_are_exported() {
    let app = TestApp::with(&LISTENER).await;
    app.register("ann").await;
    app.clock.set(chrono::DateTime::from(std::time::UNIX_EPOCH));
    app.get("/readyz").send().await.assert_status(200);
    let difference = value(&page(&app).await, "database_clock_difference_seconds");
    if app.database.is_postgres() {
        assert!(difference < -1e9, "{difference}");
    } else {
        assert!(difference.abs() < 0.1, "{difference}");
    }

    let app = app.restart().await;
    app.register("bob").await;
    app.advance(TimeDelta::days(31));
    let app = app.restart().await;
    for _ in 0..500 {
        if value(&page(&app).await, r#"purged_rows_total{table="sessions"}"#) >= 1.0 {
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nothing was purged: {}", page(&app).await);
}
