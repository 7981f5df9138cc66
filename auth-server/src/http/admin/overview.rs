use actix_web::{HttpResponse, web};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::statistics::{self, Day};
use crate::http::auth::events::EventBody;
use crate::http::extract::AdminSession;

/// Numbers of users and sessions, and recent events.
#[derive(Serialize, ToSchema)]
pub struct Overview {
    /// Time of the oldest of the numbers of users and sessions. Above 10,000 they are counted in the background. `null`, as they
    /// are, until that has happened once.
    measured_at: Option<DateTime<Utc>>,
    users: UserNumbers,
    /// Sessions that have neither ended nor expired.
    active_sessions: Option<i64>,
    /// 14 days in UTC, oldest first. The last one is today.
    days: Vec<DayNumbers>,
    /// The latest 10 events that concern administrators, newest first.
    latest: Vec<EventBody>,
}

/// Numbers of users.
#[derive(Serialize, ToSchema)]
pub struct UserNumbers {
    /// All users.
    total: Option<i64>,
    /// Disabled users.
    disabled: Option<i64>,
    /// Users whose address is not verified.
    unverified: Option<i64>,
}

/// What happened on a day.
#[derive(Serialize, ToSchema)]
pub struct DayNumbers {
    date: NaiveDate,
    /// Successful logins.
    logins: i64,
    /// Failed logins.
    failed_logins: i64,
    /// New users.
    registrations: i64,
}

/// Returns numbers of users, sessions and events.
#[utoipa::path(
    get, path = "/admin/overview", tag = "administration",
    responses((status = 200, description = "The numbers", body = Overview)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn get_overview(context: web::Data<Context>, _: AdminSession) -> Result<HttpResponse, Problem> {
    let overview = statistics::overview(&context.database, context.now()).await?;
    Ok(HttpResponse::Ok().json(Overview {
        measured_at: overview.counted_at,
        users: UserNumbers {
            total: overview.users,
            disabled: overview.disabled_users,
            unverified: overview.unverified_users,
        },
        active_sessions: overview.active_sessions,
        days: overview.days.into_iter().map(DayNumbers::from).collect(),
        latest: overview.latest.into_iter().map(EventBody::from).collect(),
    }))
}

impl From<Day> for DayNumbers {
    fn from(Day { date, logins, failed_logins, registrations }: Day) -> Self {
        Self { date, logins, failed_logins, registrations }
    }
}
