use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use shared_claims::Problem;
use utoipa::IntoParams;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, Schema};

use crate::domain::context::Context;
use crate::domain::events::{self, Cursor, Filter};
use crate::http::auth::events::Events;
use crate::http::extract::{AdminSession, PageQuery, Query};
use crate::model::EventType;

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct ListEventsQuery {
    /// Id of a user.
    #[param(format = "uuid")]
    user: Option<String>,
    /// Id of a session.
    #[param(format = "uuid")]
    session: Option<String>,
    /// Type of the events.
    r#type: Option<EventType>,
    /// Address of the client.
    #[param(schema_with = address)]
    ip: Option<String>,
    /// Events at this time or later.
    since: Option<DateTime<Utc>>,
    /// Events before this time.
    until: Option<DateTime<Utc>>,
}

/// Lists the security events of all users, newest first.
#[utoipa::path(
    get, path = "/admin/events", tag = "administration", params(ListEventsQuery, PageQuery),
    responses((status = 200, description = "A page of events", body = Events)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_all_events(
    request: HttpRequest,
    context: web::Data<Context>,
    _: AdminSession,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::read(&request)?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    let filter = filter(&mut query);
    query.check()?;
    let page = events::page(&context.database, filter, cursor, limit).await?;
    Ok(HttpResponse::Ok().json(Events::from(page)))
}

fn filter(query: &mut Query) -> Filter {
    // In the form in which addresses are stored.
    let ip =
        |text: &str| text.parse::<IpAddr>().map(|ip| ip.to_canonical()).map_err(|_| "must be an IP address");
    Filter {
        user: query.take("user", |text| text.parse().map_err(|_| "must be a UUID")),
        session: query.take("session", |text| text.parse().map_err(|_| "must be a UUID")),
        kind: query.take("type", |text| text.parse().map_err(|_| "is not an event type")),
        ip: query.take("ip", ip),
        since: query.take("since", time),
        until: query.take("until", time),
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let parsed = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    parsed.map_err(|_| "must be a time such as 2026-11-21T10:00:00Z")
}

fn address() -> Schema {
    let text = |format| {
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format)))
    };
    OneOfBuilder::new().item(text(KnownFormat::Ipv4)).item(text(KnownFormat::Ipv6)).into()
}
