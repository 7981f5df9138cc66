use std::sync::Arc;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Clock, Code, Problem, RemoteKeySet, RevocationFeed};
use utoipa::ToSchema;

use super::uncached::uncached;

/// What the server needs before it can serve, and when it may no longer.
pub struct Readiness {
    /// The auth server's keys, once; none where it has a shared secret.
    pub keys: Option<RemoteKeySet>,
    /// What was revoked, if somebody tells.
    pub feed: Option<RevocationFeed>,
    /// Tells their age.
    pub clock: Arc<dyn Clock>,
}

/// The process is up.
#[derive(Serialize, ToSchema)]
pub struct Alive {
    /// `alive`
    status: &'static str,
}

/// The server can judge tokens.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    /// `ready`
    status: &'static str,
    keys: KeysReady,
    /// Absent where nobody tells of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    revocations: Option<FeedReady>,
}

/// The keys at hand.
#[derive(Serialize, ToSchema)]
pub struct KeysReady {
    /// How many there are.
    count: usize,
    /// How many seconds ago they were fetched; `null` where keys are not fetched (HS256).
    age_seconds: Option<i64>,
    /// Why the latest fetch failed; `null` if it did not.
    last_error: Option<String>,
}

/// Whether the process is up.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "It is", body = Alive)))]
pub async fn alive() -> HttpResponse {
    uncached(Alive { status: "alive" })
}

/// What was heard of revocations.
#[derive(Serialize, ToSchema)]
pub struct FeedReady {
    /// How many sessions, people and keys are on the lists.
    entries: usize,
    /// How many seconds ago the auth server last said that this is all; `null` before the first time.
    age_seconds: Option<i64>,
    /// Why the latest try failed; `null` if it did not.
    last_error: Option<String>,
}

/// Whether the server can judge tokens: from the first key set on, for good, unless `REVOCATION_FEED_MAX_AGE` is set and the
/// last news is older.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "It can", body = Ready),
        (status = 503, description = "`unavailable`: no keys yet, or no news of revocations for too long", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn ready(readiness: web::Data<Readiness>) -> Result<HttpResponse, Problem> {
    let now = readiness.clock.now();
    let age = |at: DateTime<Utc>| (now - at).num_seconds().max(0);
    let keys = match &readiness.keys {
        None => KeysReady { count: 1, age_seconds: None, last_error: None },
        Some(keys) => {
            let status = keys.status();
            let Some(fetched_at) = status.fetched_at else { return Err(no_keys(status.last_error)) };
            KeysReady {
                count: status.keys,
                age_seconds: Some(age(fetched_at)),
                last_error: status.last_error,
            }
        }
    };
    if readiness.feed.as_ref().is_some_and(|feed| feed.revocations().exceeds_max_age(now)) {
        return Err(Problem::new(Code::Unavailable)
            .detail("Nothing was heard of revocations for longer than REVOCATION_FEED_MAX_AGE."));
    }
    let revocations = readiness.feed.as_ref().map(|feed| FeedReady {
        entries: feed.revocations().len(),
        age_seconds: feed.revocations().updated_at().map(age),
        last_error: feed.status().last_error.map(|error| error.to_string()),
    });
    Ok(uncached(Ready { status: "ready", keys, revocations }))
}

fn no_keys(last_error: Option<String>) -> Problem {
    let cause = last_error.unwrap_or_else(|| "the first fetch is under way".to_owned());
    Problem::new(Code::Unavailable).detail(format!("There are no keys of the auth server yet: {cause}."))
}
