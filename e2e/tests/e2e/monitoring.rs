//! The dashboard and the alerts in `deploy/` use metrics and labels that the servers export, and every alert is explained.

mod promql;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use actix_web::rt;
use serde_json::{Value, json};
use test_support::{Call, Certificate, free_address};

use crate::stack::{Stack, access_token};
use promql::{Labels, Query};

/// Prometheus adds these.
const TARGET: [&str; 2] = ["job", "instance"];
/// Prometheus makes these metrics itself.
const OWN_METRICS: [&str; 2] = ["up", "ALERTS"];

/// The samples of both servers, by metric.
type Samples = BTreeMap<String, Vec<Labels>>;

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn dashboard() -> Value {
    serde_json::from_str(&text("deploy/grafana/latchkey.json")).expect("JSON")
}

/// The lines of the alerts, without comments.
fn rules() -> String {
    text("deploy/prometheus/rules.yml")
        .lines()
        .filter(|line| !line.trim().starts_with('#'))
        .fold(String::new(), |rules, line| rules + line + "\n")
}

/// The expressions of the alerts.
fn rule_expressions() -> Vec<String> {
    let (rules, mut expressions) = (rules(), Vec::new());
    for rule in rules.split("- alert: ").skip(1) {
        let expression = rule.split_once("expr: ").expect("an expression").1;
        let is_last = |line: &&str| ["for:", "labels:"].iter().any(|key| line.trim().starts_with(key));
        let lines: Vec<&str> = expression.lines().take_while(|line| !is_last(line)).collect();
        expressions.push(lines.join("\n").trim_start_matches("|-").to_owned());
    }
    expressions
}

/// Every object of the dashboard with an expression.
fn targets(value: &Value) -> Vec<&Value> {
    let inner: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    };
    let own = value.get("expr").map(|_| value);
    own.into_iter().chain(inner.into_iter().flat_map(targets)).collect()
}

async fn samples_after_traffic() -> Samples {
    let stack = Stack::new();
    let token = "feed-token-of-the-tests-0123456789abcdef";
    let addresses: [String; 4] = std::array::from_fn(|_| free_address().to_string());
    let flags = |address| ["--revocation-feed-token", token, "--metrics-addr", address];
    let auth =
        stack.start_auth_with(&[&flags(&addresses[0])[..], &["--login-rate-per-ip", "8"]].concat()).await;
    let api = stack.start_api_with(&flags(&addresses[1]));
    api.wait_until_ready().await;

    let session = auth.register("ann").await;
    api.get("/protected").bearer(&access_token(&session)).send().await.assert_status(200);
    let refresh_token = session.refresh_cookie().expect("a cookie");
    for path in ["login", "register", "password", "reauthenticate"] {
        let response = auth.post(&format!("/auth/{path}")).json(&json!({})).send().await;
        assert!((400..500).contains(&response.status), "{path}: {}", response.status);
    }
    let wrong = json!({"email": "ann@example.org", "password": "wrong"});
    while auth.post("/auth/login").json(&wrong).send().await.status == 401 {}
    auth.post("/auth/login").header("origin", "https://elsewhere.example").send().await.assert_status(403);
    for server in [&auth, &api] {
        server.get("/nowhere").send().await.assert_status(404);
    }
    stack.database.db_execute("ALTER TABLE sessions RENAME TO gone");
    auth.post("/auth/refresh").cookie(&refresh_token).send().await.assert_status(503);

    let certificate = Certificate::new();
    let (chain, key) = (certificate.cert_file(), certificate.key_file());
    let (chain, key) = (chain.to_str().expect("a path"), key.to_str().expect("a path"));
    let flags = |address| ["--tls-cert-file", chain, "--tls-key-file", key, "--metrics-addr", address];
    let secure = Stack::behind("https://auth.example.org".to_owned());
    let _auth = secure.start_auth_with(&flags(&addresses[2])).await;
    let _api = secure.start_api_with(&flags(&addresses[3]));

    // Those with traffic come last and replace the samples of the others.
    let mut samples = Samples::new();
    for address in addresses.iter().rev() {
        for _ in 0..200 {
            let url = format!("http://{address}/metrics");
            let page = Call::new(awc::http::Method::GET, url).send().await.assert_status(200).text();
            samples.extend(promql::samples(&page));
            // The age appears with the first response of the feed.
            if *address != addresses[1]
                || samples.contains_key("latchkey_resource_revocation_feed_age_seconds")
            {
                break;
            }
            rt::time::sleep(Duration::from_millis(50)).await;
        }
    }
    samples
}

fn assert_exported(query: &Query, samples: &Samples) {
    let expression = &query.expression;
    let jobs = text("deploy/prometheus/prometheus.yml");
    let jobs: Vec<&str> = jobs.lines().filter_map(|line| line.trim().strip_prefix("- job_name: ")).collect();
    assert!(!query.selectors.is_empty(), "no metric in {expression}");
    for (metric, matchers) in &query.selectors {
        let is_own = OWN_METRICS.contains(&metric.as_str());
        let exported = samples.get(metric).map_or(&[][..], Vec::as_slice);
        assert!(is_own || !exported.is_empty(), "{metric} is not exported: {expression}");
        for (label, pattern) in matchers {
            let values: Vec<&str> = match label.as_str() {
                "job" => jobs.clone(),
                _ if is_own => continue,
                _ => exported.iter().filter_map(|labels| labels.get(label)).map(String::as_str).collect(),
            };
            for alternative in pattern.split('|') {
                let is_exported = values.iter().any(|value| promql::matches(alternative, value));
                assert!(is_exported, "{metric} has no {label} {alternative}, only {values:?}: {expression}");
            }
        }
    }
    for label in &query.grouped_by {
        let has_label = |metric: &String| {
            samples.get(metric).is_some_and(|all| all.iter().any(|one| one.contains_key(label)))
        };
        let is_known = query.selectors.iter().any(|(metric, _)| has_label(metric));
        assert!(
            is_known || TARGET.contains(&label.as_str()),
            "no metric has the label {label}: {expression}"
        );
    }
}

#[actix_web::test]
async fn every_query_of_the_dashboard_and_the_alerts_finds_exported_metrics() {
    let samples = samples_after_traffic().await;
    let dashboard = dashboard();
    let (targets, rules) = (targets(&dashboard), rule_expressions());
    assert!(targets.len() > 40 && rules.len() > 15);
    for rule in &rules {
        assert_exported(&Query::parse(rule), &samples);
    }
    for target in targets {
        let query = Query::parse(target["expr"].as_str().expect("text"));
        assert_exported(&query, &samples);
        let legend = target["legendFormat"].as_str().unwrap_or_default();
        for label in legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()) {
            let is_kept = query.grouped_by.iter().any(|kept| kept == label)
                || query.grouped_by.is_empty() && TARGET.contains(&label);
            assert!(is_kept, "the legend {legend} is not a label of {}", query.expression);
        }
    }
}

#[test]
fn the_dashboard_answers_four_questions() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels");
    let rows = panels.iter().filter(|panel| panel["type"] == "row").map(|row| row["title"].as_str());
    let questions =
        ["Can people sign in?", "Is someone attacking?", "Is the database well?", "Do the APIs hear us?"];
    assert_eq!(rows.collect::<Vec<_>>(), questions.map(Some));
}

/// Each alert leads to a section of the manual, and is tested.
#[test]
fn every_alert_has_a_section_in_the_manual_and_a_test() {
    let (manual, tests, book) =
        (text("docs/operate.md"), text("deploy/prometheus/rules_test.yml"), text("book.toml"));
    let repository = book.split_once("git-repository-url = \"").expect("a setting").1;
    let repository = repository.split('"').next().expect("a URL");
    for rule in rules().split("- alert: ").skip(1) {
        let alert = rule.lines().next().expect("a name");
        let link = format!("runbook_url: {repository}/blob/main/docs/operate.md#{}\n", alert.to_lowercase());
        assert!(rule.contains(&link), "{alert} lacks {link}");
        assert!(manual.contains(&format!("\n### {alert}\n")), "docs/operate.md has no section {alert}");
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "rules_test.yml has no test of {alert}");
    }
}

/// Prometheus and Grafana of docker-compose.yml find the servers, each other, and their files.
#[test]
fn the_containers_of_the_profile_observe_find_each_other() {
    let compose = text("docker-compose.yml");
    let mounted = compose.lines().filter_map(|line| line.trim().strip_prefix("- \"./")?.split(':').next());
    let mounted: Vec<&str> = mounted.collect();
    for path in &mounted {
        assert!(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).exists(),
            "{path} does not exist"
        );
    }
    for needed in ["deploy/prometheus", "deploy/grafana/provisioning", "deploy/grafana/latchkey.json"] {
        assert!(mounted.contains(&needed), "{needed} is not mounted");
    }

    let scraped = text("deploy/prometheus/prometheus.yml");
    let scraped = scraped.lines().filter_map(|line| line.split_once("targets: [\"")?.1.split('"').next());
    let source = text("deploy/grafana/provisioning/datasources/prometheus.yml");
    let source = source.split_once("\"http://").and_then(|(_, rest)| rest.split('"').next());
    for target in scraped.chain(source) {
        let (service, port) = target.split_once(':').expect("a port");
        let rest =
            compose.split_once(&format!("\n  {service}:\n")).unwrap_or_else(|| panic!("no {service}")).1;
        let service = rest.split("\n\n").next().expect("a service");
        let networks = service.lines().find(|line| line.trim().starts_with("networks: ")).expect("networks");
        assert!(networks.contains("metrics"), "{target}: {networks}");
        let listens = service.contains("*monitoring") && compose.contains(&format!(":-127.0.0.1:{port}}}"))
            || service.contains(&format!(":{port}\"]"));
        assert!(listens, "nothing listens on {target}");
    }
    let port = "METRICS_ADDR=0.0.0.0:9464";
    assert!(text(".env.example").contains(port) && text("docs/containers.md").contains(port));
}
