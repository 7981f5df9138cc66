pub mod csv;

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use server_kit::http_server::Shutdown;
use shared_claims::Problem;
use utoipa::IntoParams;

use crate::domain::context::Context;
use crate::domain::events::{self, Cursor, Filter, Received};
use crate::http::auth::events::Events;
use crate::http::extract::{AdminSession, PageQuery, Query, address, address_schema, time};
use crate::model::EventType;

/// Seconds. Shorter than the timeouts of usual proxies.
const MAX_WAIT: u64 = 25;

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
    /// Types of the events. Repeat the parameter for several.
    r#type: Option<Vec<EventType>>,
    /// Address of the client.
    #[param(schema_with = address_schema)]
    ip: Option<String>,
    /// Events at this time or later.
    since: Option<DateTime<Utc>>,
    /// Events before this time.
    until: Option<DateTime<Utc>>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `Query` reads")]
pub struct NewEventsQuery {
    /// `cursor` of an earlier response: returns the events since then, oldest first. Not with `cursor`.
    after: Option<String>,
    /// Seconds to wait for new events. Requires `after`.
    #[param(minimum = 1, maximum = 25)]
    wait: Option<u64>,
}

/// Lists the security events of all users, newest first, or the new ones since an earlier response, oldest first.
///
/// With `wait`, the response comes with the first new event, and at once if the session ends or the user loses the
/// role.
#[utoipa::path(
    get, path = "/admin/events", tag = "administration", params(ListEventsQuery, NewEventsQuery, PageQuery),
    responses((status = 200, description = "A page of events", body = Events)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_all_events(
    request: HttpRequest,
    context: web::Data<Context>,
    shutdown: web::Data<Shutdown>,
    admin: AdminSession,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::read_with_lists(&request, &["type"])?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    let (after, wait) = listener(&mut query, cursor.is_some());
    let filter = filter(&mut query);
    query.check()?;
    let database = &context.database;
    let listen = |after, wait| events::listen(&context, &admin.session, filter.clone(), after, limit, wait);
    let events = match (after, cursor) {
        (None, None) => Events::from(events::first_page(database, filter, limit, context.now()).await?),
        (None, cursor) => Events::from(events::page(database, filter, cursor, limit).await?),
        (Some(after), _) => Events::from(tokio::select! {
            new = listen(after.clone(), wait) => new?,
            // The server stops only after this response.
            () = shutdown.begun() => listen(after, Duration::ZERO).await?,
        }),
    };
    Ok(HttpResponse::Ok().json(events))
}

fn listener(query: &mut Query, has_cursor: bool) -> (Option<Received>, Duration) {
    let has_after = query.has("after");
    let after = query.take("after", str::parse::<Received>);
    let wait = query.take("wait", |text| match text.parse() {
        Ok(seconds @ 1..=MAX_WAIT) => Ok(seconds),
        _ => Err(format!("must be a number of seconds from 1 to {MAX_WAIT}")),
    });
    if has_after && has_cursor {
        query.reject("cursor", "must not be combined with after");
    }
    if wait.is_some() && !has_after {
        query.reject("wait", "requires after");
    }
    (after, Duration::from_secs(wait.unwrap_or_default()))
}

fn filter(query: &mut Query) -> Filter {
    let mut kinds: Vec<EventType> =
        query.take_list("type", |text| text.parse().map_err(|_| "is not an event type"));
    kinds.sort_by_key(|kind| kind.as_str());
    kinds.dedup();
    Filter {
        user: query.take("user", |text| text.parse().map_err(|_| "must be a UUID")),
        session: query.take("session", |text| text.parse().map_err(|_| "must be a UUID")),
        kinds,
        ip: query.take("ip", address),
        since: query.take("since", time),
        until: query.take("until", time),
    }
}
