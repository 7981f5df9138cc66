use actix_web::{HttpResponse, web};
use shared_claims::{Code, Problem};

use crate::domain::context::Context;
use crate::domain::users::admin;
use crate::http::auth::sessions::Sessions;
use crate::http::extract::{AdminSession, parse_id};
use crate::http::responses;
use crate::model::UserId;

/// Lists the active sessions of a user, most recently used first.
#[utoipa::path(
    get, path = "/admin/users/{id}/sessions", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the user")),
    responses((status = 200, description = "The active sessions", body = Sessions)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_user_sessions(
    context: web::Data<Context>,
    id: web::Path<String>,
    admin: AdminSession,
) -> Result<HttpResponse, Problem> {
    let sessions = admin::sessions(&context.database, parse_id(&id)?, context.now()).await?;
    Ok(HttpResponse::Ok().json(Sessions::new(sessions, &admin.session)))
}

/// Ends all sessions of a user.
///
/// Access tokens issued before become stale.
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the user")),
    responses((status = 204, description = "All sessions have ended")),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn end_user_sessions(
    context: web::Data<Context>,
    id: web::Path<String>,
    admin: AdminSession,
) -> Result<HttpResponse, Problem> {
    admin::end_sessions(&context.operation(&admin.client), parse_id(&id)?).await?;
    Ok(responses::no_content([]))
}

/// Ends one session of a user.
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions/{session}", tag = "administration",
    params(
        ("id" = String, Path, format = "uuid", description = "Id of the user"),
        ("session" = String, Path, format = "uuid", description = "Id of the session"),
    ),
    responses((status = 204, description = "The session has ended")),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn end_user_session(
    context: web::Data<Context>,
    ids: web::Path<(String, String)>,
    admin: AdminSession,
) -> Result<HttpResponse, Problem> {
    let (user, session): (UserId, _) = (parse_id(&ids.0)?, parse_id(&ids.1)?);
    if admin::end_session(&context.operation(&admin.client), user, session).await? {
        Ok(responses::no_content([]))
    } else {
        Err(Problem::new(Code::NotFound))
    }
}
