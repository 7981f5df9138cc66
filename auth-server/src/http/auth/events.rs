use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::events::{self, Cursor, Filter, NewEvents, Received};
use crate::domain::sessions::CurrentSession;
use crate::http::extract::{PageQuery, Query};
use crate::model::{Event, EventType, device};

/// A page of security events.
#[derive(Serialize, ToSchema)]
pub struct Events {
    /// Newest first. With `after`: oldest first.
    items: Vec<EventBody>,
    /// `cursor` of the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// `after` of a later request, which returns new events. Only of `GET /admin/events`, without `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// A security event.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventBody {
    /// Time of the event.
    at: DateTime<Utc>,
    /// Type of the event.
    r#type: EventType,
    /// UUID of the user.
    user_id: Option<String>,
    /// UUID of the session.
    session_id: Option<String>,
    /// Address of the client, or the IPv6 subnet of several.
    ip: Option<String>,
    /// `User-Agent` of the client.
    user_agent: Option<String>,
    /// Browser and system, a guess from `user_agent`.
    #[schema(example = "Firefox on Linux")]
    device: Option<String>,
    /// Depends on the type: the `reason` of an end, the new `roles`. `by` is present if another user or an operator caused the
    /// event, `count` if it stands for several.
    #[schema(value_type = Object)]
    details: Map<String, Value>,
}

impl From<events::Page> for Events {
    fn from(page: events::Page) -> Self {
        Self {
            items: page.items.into_iter().map(EventBody::from).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
            cursor: None,
        }
    }
}

impl From<(events::Page, Received)> for Events {
    fn from((page, received): (events::Page, Received)) -> Self {
        Self { cursor: Some(received.to_string()), ..page.into() }
    }
}

impl From<NewEvents> for Events {
    fn from(new: NewEvents) -> Self {
        Self {
            items: new.events.into_iter().map(EventBody::from).collect(),
            next_cursor: None,
            cursor: Some(new.received.to_string()),
        }
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

/// Lists the security events of the user, newest first.
#[utoipa::path(
    get, path = "/auth/events", tag = "account", params(PageQuery),
    responses((status = 200, description = "A page of events", body = Events)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_events(
    request: HttpRequest,
    context: web::Data<Context>,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::read(&request)?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    query.check()?;
    let filter = Filter { user: Some(current.user.id), ..Filter::default() };
    let mut page = events::page(&context.database, filter, cursor, limit).await?;
    // Users do not see the addresses of administrators.
    let hide = |event: Event| if event.is_by_other_user() { event.without_origin() } else { event };
    page.items = page.items.into_iter().map(hide).collect();
    Ok(HttpResponse::Ok().json(Events::from(page)))
}
