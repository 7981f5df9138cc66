use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use shared_claims::Problem;
use shared_claims::http::problem::ProblemBody;
use utoipa::IntoParams;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, Schema};

use crate::domain::context::Context;
use crate::domain::events::{self, Cursor, Filter};
use crate::http::admin::administrator;
use crate::http::auth::events::Events;
use crate::http::cookies::Cookies;
use crate::http::errors::store_problem;
use crate::http::extract::query::Query;
use crate::model::EventType;

/// Which events, and which page of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct Wanted {
    /// Of one person.
    #[param(format = "uuid")]
    user: Option<String>,
    /// Of one session.
    #[param(format = "uuid")]
    session: Option<String>,
    /// Of one kind.
    r#type: Option<EventType>,
    /// From one address.
    #[param(schema_with = address)]
    ip: Option<String>,
    /// Not before this moment.
    since: Option<DateTime<Utc>>,
    /// Before this moment.
    until: Option<DateTime<Utc>>,
    /// At most so many, from 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What happened, to whomever.
#[utoipa::path(
    get, path = "/admin/events", tag = "administration", params(Wanted),
    responses(
        (status = 200, description = "Security events, newest first", body = Events),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_required`: the person is no administrator", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
) -> Result<HttpResponse, Problem> {
    administrator(&request, &context, **cookies).await?;
    let mut query = Query::read(&request)?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    let filter = filter(&mut query);
    query.check()?;
    let page = events::page(&context.database, filter, cursor, limit).await;
    Ok(HttpResponse::Ok().json(Events::new(page.map_err(|error| store_problem(&error))?)))
}

fn filter(query: &mut Query) -> Filter {
    // As they are stored.
    let ip = |text: &str| {
        text.parse::<IpAddr>().map(|ip| ip.to_canonical().to_string()).map_err(|_| "must be an IP address")
    };
    Filter {
        user: query.take("user", |text| text.parse().map_err(|_| "must be a UUID")),
        session: query.take("session", |text| text.parse().map_err(|_| "must be a UUID")),
        kind: query.take("type", |text| text.parse().map_err(|_| "is no type of event")),
        ip: query.take("ip", ip),
        since: query.take("since", moment),
        until: query.take("until", moment),
    }
}

fn address() -> Schema {
    let text = |format| {
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format)))
    };
    OneOfBuilder::new().item(text(KnownFormat::Ipv4)).item(text(KnownFormat::Ipv6)).into()
}

fn moment(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let parsed = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    parsed.map_err(|_| "must be a time such as 2026-11-21T10:00:00Z")
}
