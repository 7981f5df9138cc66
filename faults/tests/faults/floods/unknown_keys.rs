//! Tokens with key ids that do not exist.

use std::time::{Duration, Instant};

use awc::http::Method;
use bench::{Latencies, millis};
use futures_util::future::join_all;
use test_support::fault_proxy::FaultProxy;
use test_support::{Call, Program, client};

use super::bad_tokens::with_unknown_key;
use crate::servers::{Deployment, on_postgres, register, start_api};

const CLIENTS: usize = 16;
/// The minimum time between two fetches of the auth server's keys, in seconds.
const FETCH_INTERVAL: u64 = 10;

#[actix_web::test]
async fn unknown_keys_cause_one_fetch_in_ten_seconds_while_valid_tokens_are_accepted() {
    flood_of_unknown_keys(Duration::from_secs(12), Duration::from_millis(25)).await;
}

#[ignore = "long: a minute of unknown keys"]
#[actix_web::test]
async fn unknown_keys_cause_six_fetches_a_minute() {
    flood_of_unknown_keys(Duration::from_secs(60), Duration::ZERO).await;
}

/// `pause`: between two requests of a client.
async fn flood_of_unknown_keys(length: Duration, pause: Duration) {
    if on_postgres() {
        return;
    }
    let (deployment, proxy) = (Deployment::new(), FaultProxy::start());
    let server = deployment.start_with(&[("ISSUER", &proxy.url())]).await;
    proxy.forward_to(&server.url());
    let api = start_api(&proxy.url()).await;
    let token = register(&server, "ann").await.json()["access_token"].as_str().expect("a token").to_owned();
    while api.get("/readyz").send().await.status != 200 {
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }

    let idle = accepted(&api, &token, Instant::now() + Duration::from_secs(2)).await;
    let before = proxy.faults.reached("/.well-known/jwks.json");
    let until = Instant::now() + length;
    let flood = join_all((0..CLIENTS).map(|_| rejected(&api, &token, until, pause)));
    let (during, rejected) = futures_util::future::join(accepted(&api, &token, until), flood).await;
    let fetches = proxy.faults.reached("/.well-known/jwks.json") - before;

    println!(
        "{} tokens with unknown keys in {length:?}: {fetches} fetches of keys; {} valid tokens, p50 {} (idle {}), p99 {} (idle {})",
        rejected.iter().sum::<usize>(),
        during.count(),
        millis(during.median()),
        millis(idle.median()),
        millis(during.percentile(99)),
        millis(idle.percentile(99)),
    );
    // One immediately, and then one after each interval.
    let most = 1 + length.as_secs() / FETCH_INTERVAL + 1;
    assert!((1..=most).contains(&u64::try_from(fetches).expect("a few")), "{fetches} fetches");
}

async fn rejected(api: &Program, token: &str, until: Instant, pause: Duration) -> usize {
    let client = client();
    let mut count = 0;
    while Instant::now() < until {
        let call = Call::through(&client, Method::GET, format!("{}/protected", api.url()));
        call.bearer(&with_unknown_key(token)).send().await.assert_problem(401, "invalid_token");
        count += 1;
        actix_web::rt::time::sleep(pause).await;
    }
    count
}

async fn accepted(api: &Program, token: &str, until: Instant) -> Latencies {
    let client = client();
    let mut measured = Vec::new();
    while Instant::now() < until {
        let call = Call::through(&client, Method::GET, format!("{}/protected", api.url())).bearer(token);
        let sent = Instant::now();
        call.send().await.assert_status(200);
        measured.push(sent.elapsed());
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
    Latencies::of(measured).expect("a valid token")
}
