use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use serde::Serialize;
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::mail;
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
    mail: MailCheck,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Part)]
pub struct Check {
    pub ok: bool,
}

/// `ok` is false if the clocks of the server and the database differ by more than 2 seconds.
#[derive(Serialize, ToSchema)]
#[schema(as = ClockPart)]
pub struct ClockCheck {
    ok: bool,
    /// The server's time minus the database's, in milliseconds. Absent if both use the same clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead_ms: Option<i64>,
}

/// Mails wait while the mail server cannot be used. Everything else works.
#[derive(Serialize, ToSchema)]
#[schema(as = MailPart)]
pub struct MailCheck {
    ok: bool,
    /// `full`: more than `MAIL_QUEUE_LIMIT` mails wait, and requested mails are dropped
    state: MailState,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MailState {
    Off,
    Ok,
    Failing,
    Full,
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
        clock: ClockCheck::of(ahead),
        mail: MailCheck::of(context.mailer.as_ref().map(|mailer| mailer.queue.state())),
    }))
}

impl ClockCheck {
    /// `ahead`: the server's time minus the database's.
    pub fn of(ahead: Option<TimeDelta>) -> Self {
        Self {
            ok: ahead.is_none_or(|ahead| ahead.abs() <= MAX_CLOCK_DIFFERENCE),
            ahead_ms: ahead.map(|ahead| ahead.num_milliseconds()),
        }
    }
}

impl MailCheck {
    /// `None` while mail is off.
    pub fn of(state: Option<mail::MailState>) -> Self {
        let state = match state {
            None => MailState::Off,
            Some(mail::MailState::Ok) => MailState::Ok,
            Some(mail::MailState::Failing) => MailState::Failing,
            Some(mail::MailState::Full) => MailState::Full,
        };
        Self { ok: matches!(state, MailState::Off | MailState::Ok), state }
    }
}

fn not_ready(part: &str, reason: &str) -> Problem {
    log::error!("not ready: {part} {reason}");
    Problem::new(Code::Unavailable).detail("The server is not ready.").field(part, reason)
}
