use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use shared_claims::Problem;
use shared_claims::http::problem::ProblemBody;
use utoipa::{IntoParams, ToSchema};

use crate::domain::context::Context;
use crate::domain::events::{self, Cursor, Filter};
use crate::http::cookies::Cookies;
use crate::http::errors::store_problem;
use crate::http::extract::query::Query;
use crate::http::extract::refresh_token::session;
use crate::model::{Event, EventType, device};

/// Some events.
#[derive(Serialize, ToSchema)]
pub struct Events {
    /// Newest first.
    items: Vec<EventBody>,
    /// For the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventBody {
    /// When.
    at: DateTime<Utc>,
    /// What.
    r#type: EventType,
    /// UUID of the person.
    user_id: Option<String>,
    /// UUID of the session.
    session_id: Option<String>,
    /// Address that it came from.
    ip: Option<String>,
    /// With what.
    user_agent: Option<String>,
    /// The same, for people.
    #[schema(example = "Firefox on Linux")]
    device: Option<String>,
    /// More, by name: the `reason` of an end, the new `roles`, `by` whom.
    #[schema(value_type = Object)]
    details: Map<String, Value>,
}

/// Which page of it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct Page {
    /// At most so many, from 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Events {
    pub fn new(page: events::Page) -> Self {
        Self {
            items: page.events.into_iter().map(EventBody::from).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        }
    }

    /// For the person whom they concern: where an administrator sat is not their business.
    fn of_oneself(page: events::Page) -> Self {
        let hide = |event: Event| if event.is_by_other_user() { event.without_origin() } else { event };
        Self::new(events::Page { events: page.events.into_iter().map(hide).collect(), ..page })
    }
}

impl From<Event> for EventBody {
    fn from(event: Event) -> Self {
        Self {
            at: event.at,
            r#type: event.kind,
            user_id: event.user.map(|user| user.to_string()),
            session_id: event.session.map(|session| session.to_string()),
            ip: event.ip,
            device: event.user_agent.as_deref().and_then(device),
            user_agent: event.user_agent,
            details: event.details,
        }
    }
}

/// What happened to the person.
#[utoipa::path(
    get, path = "/auth/events", tag = "account", params(Page),
    responses(
        (status = 200, description = "The person's own security events", body = Events),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
) -> Result<HttpResponse, Problem> {
    let (_, user) = session(&request, &context, **cookies).await?;
    let mut query = Query::read(&request)?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    query.check()?;
    let filter = Filter { user: Some(user.id), ..Filter::default() };
    let page = events::page(&context.database, filter, cursor, limit).await;
    Ok(HttpResponse::Ok().json(Events::of_oneself(page.map_err(|error| store_problem(&error))?)))
}
