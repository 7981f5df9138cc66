use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::{self, CurrentSession, Cursor};
use crate::http::extract::{PageQuery, Query, parse_id};
use crate::http::problems::{FreshLoginRequired, RateLimited};
use crate::http::{Cookies, responses};
use crate::model::{ClientInfo, Session, TokenTransport, device};

/// A page of active sessions.
#[derive(Serialize, ToSchema)]
pub struct Sessions {
    /// Most recently used first.
    sessions: Vec<SessionBody>,
    /// `cursor` of the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A login on one device.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionBody {
    /// UUID, the `sid` claim of the session's tokens.
    id: String,
    /// Whether this is the session of the request.
    current: bool,
    /// Time of the login.
    created_at: DateTime<Utc>,
    /// Time of the last refresh.
    last_used_at: DateTime<Utc>,
    /// Time at which the session ends even if it is refreshed.
    expires_at: DateTime<Utc>,
    /// Address of the last refresh.
    ip: Option<String>,
    /// `User-Agent` of the last refresh.
    user_agent: Option<String>,
    /// Browser and system, a guess from `user_agent`.
    #[schema(example = "Firefox on Linux")]
    device: Option<String>,
}

impl SessionBody {
    pub fn new(session: Session, current: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            current: session.id == current.id,
            created_at: session.created_at,
            last_used_at: session.rotated_at,
            expires_at: session.expires_at,
            ip: session.ip,
            device: session.user_agent.as_deref().and_then(device),
            user_agent: session.user_agent,
        }
    }
}

/// Lists the active sessions of the user, most recently used first.
#[utoipa::path(
    get, path = "/auth/sessions", tag = "account", params(PageQuery),
    responses((status = 200, description = "A page of sessions", body = Sessions)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_sessions(
    request: HttpRequest,
    context: web::Data<Context>,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::read(&request)?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    query.check()?;
    let page = sessions::list(&context, &current.session, cursor, limit).await?;
    let body = |session| SessionBody::new(session, &current.session);
    Ok(HttpResponse::Ok().json(Sessions {
        sessions: page.items.into_iter().map(body).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// Ends all sessions of the user but that of the request.
///
/// The user must have given the password within the last 5 minutes.
#[utoipa::path(
    delete, path = "/auth/sessions", tag = "account",
    responses(
        (status = 204, description = "The other sessions have ended"),
        FreshLoginRequired, RateLimited,
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn end_other_sessions(
    context: web::Data<Context>,
    client: ClientInfo,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    context.user_limits.count_change(current.user.id)?;
    sessions::log_out_others(&context, &current, &client).await?;
    Ok(responses::no_content([]))
}

/// Ends one session of the user.
///
/// For another session than that of the request, the user must have given the password within the last 5 minutes.
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", tag = "account",
    params(("id" = String, Path, format = "uuid", description = "Id of the session")),
    responses(
        (status = 204, description = "The session has ended. Clears the cookies if it is the session of the request."),
        FreshLoginRequired, RateLimited,
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn end_session(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: Cookies,
    client: ClientInfo,
    id: web::Path<String>,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&id)?;
    if id != current.session.id {
        context.user_limits.count_change(current.user.id)?;
    }
    if !sessions::end(&context, &current, id, &client).await? {
        return Err(Problem::new(Code::NotFound));
    }
    let CurrentSession { session, .. } = current;
    let in_cookies = id == session.id && session.delivery.transport() == TokenTransport::Cookie;
    Ok(responses::no_content(if in_cookies { cookies.cleared(&request) } else { Vec::new() }))
}
