//! Metrics.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use resource_server::{ResourceServer, Settings};
use shared_claims::Algorithm;
use shared_claims::testing::{ManualClock, SigningKey};

use crate::api::Api;
use crate::issuer::Issuer;

const HERE: [&str; 2] = ["--metrics-addr", "127.0.0.1:0"];

async fn page(api: &Api) -> String {
    let url = format!("{}/metrics", api.metrics_url.as_ref().expect("a listener"));
    let mut response = awc::Client::default().get(url).send().await.expect("a response");
    assert_eq!(response.status(), 200);
    String::from_utf8(response.body().await.expect("a body").to_vec()).expect("text")
}

/// The value of a line with these labels.
fn value(page: &str, line: &str) -> Option<f64> {
    let found = page.lines().find_map(|text| text.strip_prefix(&format!("latchkey_resource_{line} ")));
    found.map(|number| number.parse().expect("a number"))
}

fn assert_value(page: &str, line: &str, expected: f64) {
    let value = value(page, line).unwrap_or_else(|| panic!("no {line} in {page}"));
    assert!((value - expected).abs() < 0.1, "{line} is {value} and not {expected}");
}

#[actix_web::test]
async fn the_metrics_are_those_of_the_document() {
    let feed = ["--revocation-feed-token", "feed-token-of-the-tests-0123456789abcdef"];
    let api = Api::ready_with(&[&HERE[..], &feed].concat()).await;
    // The age appears with the first response of the feed.
    let mut page = page(&api).await;
    for _ in 0..1000 {
        if value(&page, "revocation_feed_age_seconds").is_some() {
            break;
        }
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
        page = self::page(&api).await;
    }
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let exposed: BTreeSet<String> =
        types.map(|line| line.split_once(' ').expect("a name and a type").0.to_owned()).collect();
    let rows = include_str!("../../../docs/metrics.md").lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| row.split('`').next());
    let is_ours = |name: &&str| name.starts_with("latchkey_resource_") || name.starts_with("process_");
    let documented: BTreeSet<String> = names.filter(is_ours).map(str::to_owned).collect();
    assert!(exposed.len() > 5, "{page}");
    assert_eq!(exposed, documented);
}

#[actix_web::test]
async fn tokens_are_counted_by_result() {
    let api = Api::ready_with(&HERE).await;
    let before = page(&api).await;
    assert_value(&before, r#"access_tokens_total{result="accepted"}"#, 0.0);
    assert_value(&before, r#"access_tokens_total{result="wrong_audience"}"#, 0.0);

    let good = api.issuer.token();
    for path in ["/protected", "/greeting", "/admin"] {
        api.get_with(path, &good).await;
    }
    api.get("/protected", &[]).await.assert_problem(401, "missing_token");
    let stranger = SigningKey::generate(Algorithm::Es256).access_token(&api.issuer.claims());
    api.get_with("/protected", &stranger).await.assert_problem(401, "invalid_token");
    api.get_with("/greeting", "x").await.assert_problem(401, "invalid_token");
    api.clock.advance(TimeDelta::minutes(16));
    api.get_with("/protected", &good).await.assert_problem(401, "token_expired");

    let page = page(&api).await;
    // The expired token was found. The one with the unknown key was looked up again after a fetch of the keys.
    assert_value(&page, r#"token_cache_lookups_total{result="hit"}"#, 3.0);
    assert_value(&page, r#"token_cache_lookups_total{result="miss"}"#, 4.0);
    assert!(value(&page, "token_cache_bytes").is_some_and(|bytes| bytes > 500.0));
    for (result, expected) in
        [("accepted", 3.0), ("unknown_key", 1.0), ("not_compact", 1.0), ("expired", 1.0)]
    {
        assert_value(&page, &format!("access_tokens_total{{result=\"{result}\"}}"), expected);
    }
    let count =
        |route, status| format!(r#"http_requests_total{{route="{route}",method="GET",status="{status}"}}"#);
    assert_value(&page, &count("/protected", 401), 3.0);
    assert_value(&page, &count("/admin", 403), 1.0);
}

#[actix_web::test]
async fn the_key_set_has_metrics_for_its_age_and_its_fetches() {
    let clock = ManualClock::new();
    let mut api = Api::started(Issuer::not_started(&clock), clock, &HERE);
    while api.get("/readyz", &[]).await.json()["detail"]
        .as_str()
        .is_some_and(|text| text.contains("in progress"))
    {
        actix_web::rt::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let none = page(&api).await;
    assert_value(&none, "key_set_keys", 0.0);
    assert_eq!(value(&none, "key_set_age_seconds"), None, "there was none yet");
    assert!(value(&none, r#"key_set_fetches_total{outcome="unreachable"}"#).expect("a count") >= 1.0);
    assert_value(&none, r#"key_set_fetches_total{outcome="succeeded"}"#, 0.0);

    api.issuer.start();
    api.becomes_ready().await;
    api.clock.advance(TimeDelta::minutes(7));
    let there = page(&api).await;
    assert_value(&there, "key_set_keys", 1.0);
    assert_value(&there, "key_set_age_seconds", 420.0);
    assert_value(&there, r#"key_set_fetches_total{outcome="succeeded"}"#, 1.0);
    for outcome in ["timed_out", "bad_answer"] {
        assert_value(&there, &format!("key_set_fetches_total{{outcome=\"{outcome}\"}}"), 0.0);
    }
}

#[actix_web::test]
async fn metrics_have_their_own_listener_and_are_off_by_default() {
    let api = Api::ready().await;
    assert!(api.metrics_url.is_none());
    api.get("/metrics", &[]).await.assert_problem(404, "not_found");
    let taken = api.url.trim_start_matches("http://");
    let flags = ["resource-server", "--bind-addr", "127.0.0.1:0", "--metrics-addr", taken];
    let settings = Settings::from_flags(flags).expect("settings");
    let error = ResourceServer::build(&settings, Arc::new(ManualClock::new())).err().expect("no server");
    assert!(error.starts_with("METRICS_ADDR: cannot listen on "), "{error}");
}
