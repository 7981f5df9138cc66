use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Clock, Code, Problem, RemoteKeySet};
use utoipa::ToSchema;

use super::uncached::uncached;

/// What the server needs before it can serve.
pub enum Readiness {
    /// Nothing: it has a shared secret.
    Always,
    /// The auth server's keys, once.
    WithKeys {
        /// The keys.
        keys: RemoteKeySet,
        /// Tells their age.
        clock: Arc<dyn Clock>,
    },
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

/// Whether the server can judge tokens: from the first key set on, for good.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "It can", body = Ready),
        (status = 503, description = "`unavailable`: no keys yet", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn ready(readiness: web::Data<Readiness>) -> Result<HttpResponse, Problem> {
    let keys = match &**readiness {
        Readiness::Always => KeysReady { count: 1, age_seconds: None, last_error: None },
        Readiness::WithKeys { keys, clock } => {
            let status = keys.status();
            let Some(fetched_at) = status.fetched_at else { return Err(no_keys(status.last_error)) };
            let age_seconds = Some((clock.now() - fetched_at).num_seconds().max(0));
            KeysReady { count: status.keys, age_seconds, last_error: status.last_error }
        }
    };
    Ok(uncached(Ready { status: "ready", keys }))
}

fn no_keys(last_error: Option<String>) -> Problem {
    let cause = last_error.unwrap_or_else(|| "the first fetch is under way".to_owned());
    Problem::new(Code::Unavailable).detail(format!("There are no keys of the auth server yet: {cause}."))
}
