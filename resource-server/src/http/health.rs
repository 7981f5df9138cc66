use std::sync::Arc;

use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Clock, Code, Problem, RemoteKeySet, RevocationFeed};
use utoipa::ToSchema;

/// What `/readyz` reports.
pub struct Readiness {
    /// The auth server's keys; `None` with HS256.
    pub keys: Option<RemoteKeySet>,
    /// Revocations, if `REVOCATION_FEED_TOKEN` is set.
    pub feed: Option<RevocationFeed>,
    /// For the age of both.
    pub clock: Arc<dyn Clock>,
}

/// The process is running.
#[derive(Serialize, ToSchema)]
pub struct Alive {
    /// `alive`
    status: &'static str,
}

/// The server can validate tokens.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    /// `ready`
    status: &'static str,
    keys: KeysReady,
    /// Absent without `REVOCATION_FEED_TOKEN`
    #[serde(skip_serializing_if = "Option::is_none")]
    revocations: Option<FeedReady>,
}

/// The current key set.
#[derive(Serialize, ToSchema)]
pub struct KeysReady {
    /// Number of keys
    count: usize,
    /// Seconds since they were fetched; `null` with HS256
    age_seconds: Option<i64>,
    /// Error of the last fetch; `null` if it succeeded
    last_error: Option<String>,
}

/// The state of the revocation feed.
#[derive(Serialize, ToSchema)]
pub struct FeedReady {
    /// Number of revoked sessions, users and keys
    entries: usize,
    /// Seconds since the last successful request
    age_seconds: Option<i64>,
    /// Error of the last request; `null` if it succeeded
    last_error: Option<String>,
}

/// Reports that the process is running.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "The process is running", body = Alive)))]
pub async fn alive() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// Reports whether the server can validate tokens: after the first fetch of keys and of revocations and, with
/// `REVOCATION_FEED_MAX_AGE`, while the revocation feed is up to date.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "The server is ready", body = Ready),
        (status = 503, description = "`unavailable`: no keys or no revocations yet, or the revocation feed is too old", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn ready(readiness: Data<Readiness>) -> Result<Json<Ready>, Problem> {
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
    if let Some(feed) = &readiness.feed {
        check_feed(feed, now)?;
    }
    let revocations = readiness.feed.as_ref().map(|feed| FeedReady {
        entries: feed.revocations().len(),
        age_seconds: feed.revocations().updated_at().map(age),
        last_error: feed.status().last_error.map(|error| error.to_string()),
    });
    Ok(Json(Ready { status: "ready", keys, revocations }))
}

fn check_feed(feed: &RevocationFeed, now: DateTime<Utc>) -> Result<(), Problem> {
    if feed.revocations().updated_at().is_none() {
        let cause = feed.status().last_error.map_or_else(in_progress, |error| error.to_string());
        return Err(Problem::new(Code::Unavailable)
            .detail(format!("There are no revocations of the auth server yet: {cause}.")));
    }
    if feed.revocations().exceeds_max_age(now) {
        return Err(Problem::new(Code::Unavailable)
            .detail("The revocation feed failed for longer than REVOCATION_FEED_MAX_AGE."));
    }
    Ok(())
}

fn no_keys(last_error: Option<String>) -> Problem {
    let cause = last_error.unwrap_or_else(in_progress);
    Problem::new(Code::Unavailable).detail(format!("There are no keys of the auth server yet: {cause}."))
}

fn in_progress() -> String {
    "the first fetch is in progress".to_owned()
}
