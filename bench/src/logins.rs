//! A flood of logins, and refreshes in the midst of it.

use std::time::{Duration, Instant};

use actix_web::rt::System;
use awc::http::Method;
use futures_util::future::join_all;
use serde_json::json;
use test_support::Call;
use tokio::time::{sleep, timeout_at};

use crate::Latencies;

/// Passwords that the server lets wait, besides those that it hashes, of which there is one a core.
pub const WAITING: usize = 64;
const BETWEEN_REFRESHES: Duration = Duration::from_millis(10);

/// What counts begins and ends within a stretch of time; what comes before only prepares it.
#[derive(Clone, Copy)]
pub struct Stretch {
    from: Instant,
    until: Instant,
}

/// How long the answers to a flood took, by what they said.
#[derive(Default)]
pub struct Flood {
    /// With 503.
    pub refused: Vec<Duration>,
    /// With a verdict on the password.
    pub checked: Vec<Duration>,
}

impl Stretch {
    /// After a time to warm up.
    #[must_use]
    pub fn starting_in(warm_up: Duration, length: Duration) -> Self {
        let from = Instant::now() + warm_up;
        Self { from, until: from + length }
    }
}

/// One after the other, each with the token that the one before was answered with.
///
/// # Panics
/// One fails.
pub fn refreshes(url: &str, token: &mut String, stretch: Stretch) -> Latencies {
    System::new().block_on(async {
        let client = test_support::client();
        let mut measured = Vec::new();
        sleep(stretch.from.saturating_duration_since(Instant::now())).await;
        while Instant::now() < stretch.until {
            let call = post(&client, url, "/auth/refresh").cookie(token);
            let sent = Instant::now();
            let answer = call.send().await;
            measured.push(sent.elapsed());
            *token = answer.assert_status(200).refresh_cookie().expect("a refresh cookie");
            sleep(BETWEEN_REFRESHES).await;
        }
        Latencies::of(measured).expect("a refresh")
    })
}

/// So many connections, each of which logs in with a wrong password, over and over.
///
/// # Panics
/// An answer is neither a refusal nor a verdict.
pub async fn flood(url: &str, connections: usize, pause: Duration, stretch: Stretch) -> Flood {
    let all = join_all((0..connections).map(|number| connection(url, number, pause, stretch))).await;
    all.into_iter().fold(Flood::default(), |mut sum, one| {
        sum.refused.extend(one.refused);
        sum.checked.extend(one.checked);
        sum
    })
}

/// Logs in with a wrong password, over and over: as soon as it was checked, or a while after it was refused. Under another
/// name each time, since one that fails again and again is no longer checked.
async fn connection(url: &str, number: usize, pause: Duration, stretch: Stretch) -> Flood {
    let client = test_support::client();
    let mut seen = Flood::default();
    for attempt in 0_u64.. {
        let email = format!("somebody-{number}-{attempt}@example.org");
        let body = json!({"email": email, "password": "a wrong password"});
        let call = post(&client, url, "/auth/login").json(&body);
        let sent = Instant::now();
        let Ok(answer) = timeout_at(stretch.until.into(), call.send()).await else { return seen };
        let took = (sent >= stretch.from).then(|| sent.elapsed());
        if answer.status == 503 {
            assert!(answer.assert_problem(503, "unavailable").header("retry-after").is_some());
            seen.refused.extend(took);
            sleep(pause).await;
        } else {
            answer.assert_problem(401, "invalid_credentials");
            seen.checked.extend(took);
        }
    }
    seen
}

fn post(client: &awc::Client, url: &str, path: &str) -> Call {
    Call::through(client, Method::POST, format!("{url}{path}"))
}
