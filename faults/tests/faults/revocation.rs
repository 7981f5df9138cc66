//! Every resource server rejects what an auth server has revoked: within a second, and after any failure of the network.

use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use bench::{Latencies, millis};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use test_support::{Program, Response, free_address};

use crate::relay::Relay;
use crate::servers::{Deployment, PASSWORD, register, start_api_with};

const TOKEN: &str = "feed-token-of-the-tests-0123456789abcdef";
/// The promised limit, which is tested if there are enough measurements.
const PROMISE: Duration = Duration::from_secs(1);
/// The limit while other tests run.
const LAX: Duration = Duration::from_secs(10);

/// Two auth servers on one database, with one issuer.
struct Stack {
    deployment: Deployment,
    first: Program,
    second: Program,
}

/// A user with a session whose tokens are delivered in the body.
#[derive(Clone)]
struct User {
    access_token: String,
    refresh_token: String,
}

impl Stack {
    async fn start() -> Self {
        test_support::evidence::secret(TOKEN);
        let deployment = Deployment::new();
        let first = deployment.start_with(&[("REVOCATION_FEED_TOKEN", TOKEN)]).await;
        let second = deployment.start_at(free_address(), &[("REVOCATION_FEED_TOKEN", TOKEN)]).await;
        Self { deployment, first, second }
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.deployment.address)
    }

    /// A resource server that reads the feed at this address, and is up to date.
    async fn api(&self, feed: &str, more: &[(&str, &str)]) -> Program {
        let url = format!("{feed}/revocations");
        let settings = [("REVOCATION_FEED_TOKEN", TOKEN), ("REVOCATION_FEED_URL", url.as_str())];
        let api = start_api_with(&self.issuer(), &[&settings, more].concat()).await;
        eventually(Duration::from_secs(10), async || {
            readiness(&api).await["revocations"]["age_seconds"].is_number()
        })
        .await;
        api
    }
}

async fn log_in(server: &Program, email: &str) -> User {
    let body = json!({"email": email, "password": PASSWORD, "token_delivery": "body"});
    let response = server.post("/auth/login").json(&body).send().await.assert_status(200).json();
    let text = |name: &str| response[name].as_str().expect("a token").to_owned();
    User { access_token: text("access_token"), refresh_token: text("refresh_token") }
}

async fn call(api: &Program, user: &User) -> Response {
    api.get("/protected").bearer(&user.access_token).send().await
}

async fn log_out(server: &Program, user: &User) {
    let body = json!({"refresh_token": user.refresh_token});
    server.post("/auth/logout").json(&body).send().await.assert_status(204);
}

async fn readiness(api: &Program) -> Value {
    api.get("/readyz").send().await.json()
}

/// Waits until the token is rejected, and returns how long that took.
async fn until_rejected(api: &Program, user: &User, since: Instant) -> Duration {
    loop {
        let response = call(api, user).await;
        if response.status == 401 {
            let response = response.assert_problem(401, "session_ended");
            assert!(response.header("www-authenticate").expect("a challenge").contains("invalid_token"));
            return since.elapsed();
        }
        response.assert_status(200);
        assert!(since.elapsed() < Duration::from_secs(30), "the token is not rejected");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn eventually(within: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < within, "timeout");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn logouts_take_effect(trials: usize, within: Duration) {
    let stack = Stack::start().await;
    let apis = join(stack.api(&stack.first.url(), &[]), stack.api(&stack.second.url(), &[])).await;
    register(&stack.first, "ann").await;
    let mut took = Vec::new();
    for trial in 0..trials {
        let servers = [&stack.first, &stack.second];
        let user = log_in(servers[trial % 2], "ann@example.org").await;
        call(&apis.0, &user).await.assert_status(200);
        call(&apis.1, &user).await.assert_status(200);
        let ended = Instant::now();
        log_out(servers[(trial / 2) % 2], &user).await;
        let (one, other) =
            join(until_rejected(&apis.0, &user, ended), until_rejected(&apis.1, &user, ended)).await;
        took.extend([one, other]);
    }
    let all = Latencies::of(took).expect("trials");
    let [p50, p99, most] = [50, 99, 100].map(|percent| all.percentile(percent));
    println!("{trials} logouts at one of two auth servers, until two resource servers reject the token:");
    println!("  p50 {}, p99 {}, at most {}", millis(p50), millis(p99), millis(most));
    assert!(p99 <= within, "{p99:?}");
}

#[actix_web::test]
async fn a_logout_takes_effect_at_every_resource_server() {
    logouts_take_effect(12, LAX).await;
}

#[ignore = "long: 200 logouts"]
#[actix_web::test]
async fn two_hundred_logouts_take_effect_within_a_second() {
    logouts_take_effect(200, PROMISE).await;
}

/// Not stale: a refresh would not help.
#[actix_web::test]
async fn the_session_of_a_deleted_user_has_ended_at_every_resource_server() {
    let stack = Stack::start().await;
    let api = stack.api(&stack.first.url(), &[]).await;
    register(&stack.first, "ann").await;
    let (here, other) =
        (log_in(&stack.first, "ann@example.org").await, log_in(&stack.second, "ann@example.org").await);
    let delete = stack.second.call(awc::http::Method::DELETE, "/auth/me").bearer(&here.refresh_token);
    delete.send().await.assert_status(204);
    let deleted = Instant::now();
    for user in [&here, &other] {
        assert!(until_rejected(&api, user, deleted).await < LAX);
    }
}

#[actix_web::test]
async fn a_removed_role_makes_tokens_stale_and_a_refresh_renews_them() {
    let stack = Stack::start().await;
    let api = stack.api(&stack.first.url(), &[]).await;
    register(&stack.first, "root").await;
    register(&stack.first, "ann").await;
    stack.deployment.database.db_execute(r#"UPDATE users SET roles = '["admin"]'"#);
    let (root, ann) =
        (log_in(&stack.second, "root@example.org").await, log_in(&stack.first, "ann@example.org").await);
    api.get("/admin").bearer(&ann.access_token).send().await.assert_status(200);

    let users = stack.second.get("/admin/users?q=ann@").bearer(&root.refresh_token).send().await.json();
    let path = format!("/admin/users/{}", users["items"][0]["id"].as_str().expect("an id"));
    let call = stack.second.call(awc::http::Method::PATCH, &path).bearer(&root.refresh_token);
    call.json(&json!({"roles": []})).send().await.assert_status(200);
    let taken = Instant::now();
    let mut response = api.get("/admin").bearer(&ann.access_token).send().await;
    while response.status == 200 {
        assert!(taken.elapsed() < LAX);
        response = api.get("/admin").bearer(&ann.access_token).send().await;
    }
    let response = response.assert_problem(401, "token_stale");
    assert!(response.header("www-authenticate").expect("a challenge").contains("invalid_token"));

    // The new token is valid and lacks the role, so the client does not refresh again.
    let body = json!({"refresh_token": ann.refresh_token});
    let renewed = stack.first.post("/auth/refresh").json(&body).send().await.assert_status(200).json();
    let renewed = renewed["access_token"].as_str().expect("a token").to_owned();
    api.get("/admin").bearer(&renewed).send().await.assert_problem(403, "role_required");
    api.get("/protected").bearer(&renewed).send().await.assert_status(200);
}

/// How the connection to the feed fails and recovers.
#[derive(Clone, Copy, Debug)]
enum Outage {
    /// Connections are closed, and new ones are not accepted.
    Cut,
    /// Connections stay open, and nothing is forwarded.
    Silence,
    /// The auth server is killed, and another one replaces it.
    Killed,
}

async fn ended_meanwhile(outage: Outage, count: usize, within: Duration) {
    let stack = Stack::start().await;
    let mut listened_to =
        Some(stack.deployment.start_at(free_address(), &[("REVOCATION_FEED_TOKEN", TOKEN)]).await);
    let port = listened_to.as_ref().map_or(0, |server| server.address.port());
    let relay = Relay::to(port);
    let api = stack.api(&format!("http://127.0.0.1:{}", relay.port()), &[]).await;
    register(&stack.first, "ann").await;
    register(&stack.first, "bob").await;
    let mut users = Vec::new();
    for _ in 0..count {
        users.push(log_in(&stack.first, "ann@example.org").await);
    }
    let staying = log_in(&stack.first, "bob@example.org").await;

    match outage {
        Outage::Cut => relay.cut(),
        Outage::Silence => relay.hold(),
        Outage::Killed => {
            listened_to.take().map(Program::kill);
        }
    }
    // A request that was already sent may still get its response.
    sleep(Duration::from_millis(300)).await;
    for some in users.chunks(20) {
        join_all(some.iter().map(|user| log_out(&stack.first, user))).await;
    }
    // The resource server does not know of the revocation. It still accepts the token, and reports the age of its list.
    for user in users.iter().take(20).chain([&staying]) {
        call(&api, user).await.assert_status(200);
    }
    eventually(Duration::from_secs(10), async || {
        readiness(&api).await["revocations"]["age_seconds"].as_i64().is_some_and(|age| age >= 1)
    })
    .await;

    match outage {
        Outage::Cut => relay.forward_to(port),
        Outage::Silence => relay.release(),
        Outage::Killed => {
            let other = stack.deployment.start_at(free_address(), &[("REVOCATION_FEED_TOKEN", TOKEN)]).await;
            relay.forward_to(other.address.port());
            listened_to = Some(other);
        }
    }
    let healed = Instant::now();
    eventually(Duration::from_secs(30), async || {
        readiness(&api).await["revocations"]["entries"]
            .as_u64()
            .is_some_and(|entries| entries >= count as u64)
    })
    .await;
    let took = healed.elapsed();
    for some in users.chunks(20) {
        for response in join_all(some.iter().map(|user| call(&api, user))).await {
            response.assert_problem(401, "session_ended");
        }
    }
    call(&api, &staying).await.assert_status(200);
    println!(
        "{outage:?}: {count} sessions that ended during the outage were rejected {} after it",
        millis(took)
    );
    assert!(took <= within, "{outage:?}: {took:?}");
    drop(listened_to);
}

#[actix_web::test]
async fn sessions_ended_while_the_feed_was_cut_off_are_rejected_once_it_is_back() {
    ended_meanwhile(Outage::Cut, 40, LAX).await;
}

#[actix_web::test]
async fn sessions_ended_while_the_network_was_silent_are_rejected_once_it_is_back() {
    ended_meanwhile(Outage::Silence, 40, LAX).await;
}

#[actix_web::test]
async fn sessions_ended_while_an_auth_server_was_down_are_rejected_once_it_is_back() {
    ended_meanwhile(Outage::Killed, 40, LAX).await;
}

#[ignore = "long: a thousand sessions, three times"]
#[actix_web::test]
async fn a_thousand_sessions_ended_during_an_outage_are_rejected_within_a_second_after_it() {
    for outage in [Outage::Cut, Outage::Silence, Outage::Killed] {
        ended_meanwhile(outage, 1000, PROMISE).await;
    }
}

#[actix_web::test]
async fn a_resource_server_accepts_no_tokens_while_its_feed_is_too_old() {
    let stack = Stack::start().await;
    let relay = Relay::to(stack.second.address.port());
    let feed = format!("http://127.0.0.1:{}", relay.port());
    let strict = stack.api(&feed, &[("REVOCATION_FEED_MAX_AGE", "5s")]).await;
    register(&stack.first, "ann").await;
    let ann = log_in(&stack.first, "ann@example.org").await;
    call(&strict, &ann).await.assert_status(200);
    relay.cut();
    eventually(Duration::from_secs(10), async || call(&strict, &ann).await.status == 503).await;
    let response = call(&strict, &ann).await.assert_problem(503, "unavailable");
    assert!(response.header("retry-after").is_some());
    // An invalid token is reported as such.
    strict.get("/protected").bearer("nonsense").send().await.assert_problem(401, "invalid_token");
    strict.get("/readyz").send().await.assert_problem(503, "unavailable");
    relay.forward_to(stack.second.address.port());
    eventually(Duration::from_secs(5), async || call(&strict, &ann).await.status == 200).await;
    strict.get("/readyz").send().await.assert_status(200);
}

#[actix_web::test]
async fn a_resource_server_started_later_rejects_sessions_that_ended_before() {
    let stack = Stack::start().await;
    register(&stack.first, "ann").await;
    let (ended, active) =
        (log_in(&stack.first, "ann@example.org").await, log_in(&stack.first, "ann@example.org").await);
    log_out(&stack.first, &ended).await;
    let api = stack.api(&stack.second.url(), &[]).await;
    call(&api, &ended).await.assert_problem(401, "session_ended");
    call(&api, &active).await.assert_status(200);
}
