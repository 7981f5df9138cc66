use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use serde::Serialize;
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;

/// Rotation compares times that several servers wrote. Within the grace such a difference changes nothing.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::seconds(2);

/// The process lives.
#[derive(Serialize, ToSchema)]
pub struct Alive {
    #[schema(example = "alive")]
    status: &'static str,
}

/// The server can serve.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    #[schema(example = "ready")]
    status: &'static str,
    database: Part,
    signing_key: Part,
    clock: ClockPart,
}

#[derive(Serialize, ToSchema)]
struct Part {
    ok: bool,
}

/// `ok` is false where this server's clock is more than 2 s off its database's.
#[derive(Serialize, ToSchema)]
struct ClockPart {
    ok: bool,
    /// This server's time less the database's, in milliseconds; absent where both are one.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead_ms: Option<i64>,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, description = "It does", body = Alive)))]
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(Alive { status: "alive" })
}

/// Whether the server can serve, part by part.
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses(
        (status = 200, description = "It can", body = Ready),
        (status = 503, description = "`unavailable`: `fields` names the parts that fail", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn ready(context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let ahead = context.check_database().await.map_err(|error| {
        log::error!("not ready: {error}");
        Problem::new(Code::Unavailable).detail("Not ready.").field("database", "does not answer")
    })?;
    if !context.keys.can_sign() {
        log::error!("not ready: there is no key to sign with");
        return Err(Problem::new(Code::Unavailable)
            .detail("Not ready.")
            .field("signing_key", "there is none"));
    }
    Ok(HttpResponse::Ok().json(Ready {
        status: "ready",
        database: Part { ok: true },
        signing_key: Part { ok: true },
        clock: ClockPart {
            ok: ahead.is_none_or(|ahead| ahead.abs() <= MAX_CLOCK_DIFFERENCE),
            ahead_ms: ahead.map(|ahead| ahead.num_milliseconds()),
        },
    }))
}
