//! A flood of logins, and refreshes meanwhile.

use std::time::{Duration, Instant};

use actix_web::rt::System;
use awc::http::Method;
use futures_util::future::join_all;
use serde_json::json;
use test_support::Call;
use tokio::time::{sleep, timeout_at};

use crate::Latencies;

/// The length of the server's queue of passwords, in addition to the one per core that it hashes.
pub const WAITING: usize = 64;
const BETWEEN_REFRESHES: Duration = Duration::from_millis(10);

/// The time in which requests are measured. Earlier requests are the warm-up.
#[derive(Clone, Copy)]
pub struct Stretch {
    from: Instant,
    until: Instant,
}

/// Response times of a flood, by outcome.
#[derive(Default)]
pub struct Flood {
    /// Rejected with 503.
    pub rejected: Vec<Duration>,
    /// The password was verified.
    pub checked: Vec<Duration>,
}

impl Stretch {
    /// Starts after the warm-up.
    #[must_use]
    pub fn starting_in(warm_up: Duration, length: Duration) -> Self {
        let from = Instant::now() + warm_up;
        Self { from, until: from + length }
    }
}

/// Refreshes one after the other, each time with the token from the response before.
///
/// # Panics
/// If a refresh fails.
pub fn refreshes(url: &str, token: &mut String, stretch: Stretch) -> Latencies {
    System::new().block_on(async {
        let client = test_support::client();
        let mut measured = Vec::new();
        sleep(stretch.from.saturating_duration_since(Instant::now())).await;
        while Instant::now() < stretch.until {
            let call = post(&client, url, "/auth/refresh").cookie(token);
            let sent = Instant::now();
            let response = call.send().await;
            measured.push(sent.elapsed());
            *token = response.assert_status(200).refresh_cookie().expect("a refresh cookie");
            sleep(BETWEEN_REFRESHES).await;
        }
        Latencies::of(measured).expect("a refresh")
    })
}

/// Opens this number of connections, each of which repeatedly logs in with a wrong password.
///
/// # Panics
/// If a response is neither a rejection nor a wrong password.
pub async fn flood(url: &str, connections: usize, pause: Duration, stretch: Stretch) -> Flood {
    let all = join_all((0..connections).map(|number| connection(url, number, pause, stretch))).await;
    all.into_iter().fold(Flood::default(), |mut sum, one| {
        sum.rejected.extend(one.rejected);
        sum.checked.extend(one.checked);
        sum
    })
}

/// Logs in with a wrong password repeatedly: immediately after the password was verified, or after a pause if the login was
/// rejected. Uses a new name each time, because repeated failures for one name are throttled.
async fn connection(url: &str, number: usize, pause: Duration, stretch: Stretch) -> Flood {
    let client = test_support::client();
    let mut seen = Flood::default();
    for attempt in 0_u64.. {
        let email = format!("user-{number}-{attempt}@example.org");
        let body = json!({"email": email, "password": "a wrong password"});
        let call = post(&client, url, "/auth/login").json(&body);
        let sent = Instant::now();
        let Ok(response) = timeout_at(stretch.until.into(), call.send()).await else { return seen };
        let took = (sent >= stretch.from).then(|| sent.elapsed());
        if response.status == 503 {
            assert!(response.assert_problem(503, "unavailable").header("retry-after").is_some());
            seen.rejected.extend(took);
            sleep(pause).await;
        } else {
            response.assert_problem(401, "invalid_credentials");
            seen.checked.extend(took);
        }
    }
    seen
}

fn post(client: &awc::Client, url: &str, path: &str) -> Call {
    Call::through(client, Method::POST, format!("{url}{path}"))
}
