use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use serde::Serialize;
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::http::problems::NotReady;

/// Rotation compares times that several servers wrote. A difference within the grace period changes nothing.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::seconds(2);

/// The process is running.
#[derive(Serialize, ToSchema)]
pub struct Alive {
    #[schema(example = "alive")]
    status: &'static str,
}

/// The server can serve requests.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    #[schema(example = "ready")]
    status: &'static str,
    database: Check,
    signing_key: Check,
    clock: ClockCheck,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Part)]
struct Check {
    ok: bool,
}

/// `ok` is false if the clocks of the server and the database differ by more than 2 seconds.
#[derive(Serialize, ToSchema)]
#[schema(as = ClockPart)]
struct ClockCheck {
    ok: bool,
    /// The server's time minus the database's, in milliseconds. Absent if both use the same clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead_ms: Option<i64>,
}

/// Returns 200 while the process is running.
#[utoipa::path(
    get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "The process is running", body = Alive))
)]
pub async fn get_liveness() -> HttpResponse {
    HttpResponse::Ok().json(Alive { status: "alive" })
}

/// Returns 200 if the server can serve requests.
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses((status = 200, description = "The server can serve requests", body = Ready), NotReady)
)]
pub async fn get_readiness(context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let ahead = context.check_database().await.map_err(|error| {
        log::error!("{error}");
        not_ready("database", "is unavailable")
    })?;
    if !context.keys.can_sign() {
        return Err(not_ready("signing_key", "is missing"));
    }
    Ok(HttpResponse::Ok().json(Ready {
        status: "ready",
        database: Check { ok: true },
        signing_key: Check { ok: true },
        clock: ClockCheck {
            ok: ahead.is_none_or(|ahead| ahead.abs() <= MAX_CLOCK_DIFFERENCE),
            ahead_ms: ahead.map(|ahead| ahead.num_milliseconds()),
        },
    }))
}

fn not_ready(part: &str, reason: &str) -> Problem {
    log::error!("not ready: {part} {reason}");
    Problem::new(Code::Unavailable).detail("The server is not ready.").field(part, reason)
}
