pub mod of_all;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::Cursor;
use crate::domain::users::admin;
use crate::http::auth::sessions::SessionBody;
use crate::http::extract::{AdminSession, FreshAdminSession, PageQuery, Query, parse_id};
use crate::http::problems::RateLimited;
use crate::http::responses;
use crate::model::UserId;

/// A page of active sessions of a user.
#[derive(Serialize, ToSchema)]
pub struct UserSessions {
    /// Most recently used first.
    items: Vec<SessionBody>,
    /// `cursor` of the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists the active sessions of a user, most recently used first.
#[utoipa::path(
    get, path = "/admin/users/{id}/sessions", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the user"), PageQuery),
    responses((status = 200, description = "A page of sessions", body = UserSessions)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_user_sessions(
    request: HttpRequest,
    context: web::Data<Context>,
    id: web::Path<String>,
    admin: AdminSession,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&id)?;
    let mut query = Query::read(&request)?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    query.check()?;
    let page = admin::sessions(&context.database, id, context.now(), cursor, limit).await?;
    let body = |session| SessionBody::new(session, &admin.session);
    Ok(HttpResponse::Ok().json(UserSessions {
        items: page.items.into_iter().map(body).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// Ends all sessions of a user.
///
/// Access tokens issued before become stale.
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the user")),
    responses((status = 204, description = "All sessions have ended"), RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn end_user_sessions(
    context: web::Data<Context>,
    id: web::Path<String>,
    admin: FreshAdminSession,
) -> Result<HttpResponse, Problem> {
    admin::end_sessions(&admin.operation(&context)?, parse_id(&id)?).await?;
    Ok(responses::no_content([]))
}

/// Ends one session of a user.
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions/{session}", tag = "administration",
    params(
        ("id" = String, Path, format = "uuid", description = "Id of the user"),
        ("session" = String, Path, format = "uuid", description = "Id of the session"),
    ),
    responses((status = 204, description = "The session has ended"), RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn end_user_session(
    context: web::Data<Context>,
    ids: web::Path<(String, String)>,
    admin: FreshAdminSession,
) -> Result<HttpResponse, Problem> {
    let (user, session): (UserId, _) = (parse_id(&ids.0)?, parse_id(&ids.1)?);
    if admin::end_session(&admin.operation(&context)?, user, session).await? {
        Ok(responses::no_content([]))
    } else {
        Err(Problem::new(Code::NotFound))
    }
}
