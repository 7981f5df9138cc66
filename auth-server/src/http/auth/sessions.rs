use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::active;
use crate::http::cookies::Cookies;
use crate::http::errors::store_problem;
use crate::http::extract::client_info::requester;
use crate::http::extract::refresh_token::session;
use crate::model::{EndReason, Session, TokenTransport, device};

/// The living sessions of a person.
#[derive(Serialize, ToSchema)]
pub struct Sessions {
    /// Last used first.
    sessions: Vec<SessionBody>,
}

/// One login on one device.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionBody {
    /// UUID; `sid` of its tokens.
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    /// When it was opened.
    created_at: DateTime<Utc>,
    /// When it was last refreshed.
    last_used_at: DateTime<Utc>,
    /// When it is over at the latest.
    expires_at: DateTime<Utc>,
    /// Where it was last used.
    ip: Option<String>,
    /// With what it was last used.
    user_agent: Option<String>,
    /// The same, for people.
    #[schema(example = "Firefox on Linux")]
    device: Option<String>,
}

impl Sessions {
    pub fn new(sessions: Vec<Session>, current: &Session) -> Self {
        Self { sessions: sessions.into_iter().map(|session| SessionBody::new(session, current)).collect() }
    }
}

impl SessionBody {
    fn new(session: Session, current: &Session) -> Self {
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

/// Where the person is logged in.
#[utoipa::path(
    get, path = "/auth/sessions", tag = "account",
    responses(
        (status = 200, description = "The sessions that are alive", body = Sessions),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
) -> Result<HttpResponse, Problem> {
    let (current, _) = session(&request, &context, **cookies).await?;
    let sessions = active::list(&context, &current).await.map_err(|error| store_problem(&error))?;
    Ok(HttpResponse::Ok().json(Sessions::new(sessions, &current)))
}

/// Ends a session, on another device for example.
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", tag = "account",
    params(("id" = String, Path, format = "uuid", description = "The session's id")),
    responses(
        (status = 204, description = "It has ended. Where it was the one that asked, its cookies are cleared."),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: the person has no such session, or it is over", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn end(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (current, user) = session(&request, &context, **cookies).await?;
    let id = id.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let itself = id == current.id;
    let reason = if itself { EndReason::LoggedOut } else { EndReason::Revoked };
    let requester = requester(&request, **cookies);
    let ended = active::end(&context, user.id, id, reason, &requester).await;
    let ended = ended.map_err(|error| store_problem(&error))?;
    if !ended {
        return Err(Problem::new(Code::NotFound));
    }
    let mut response = HttpResponse::NoContent();
    if itself && current.delivery.transport() == TokenTransport::Cookie {
        cookies.clear(&request, &mut response);
    }
    Ok(response.finish())
}
