use actix_web::{HttpRequest, HttpResponse, web};
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Code, Problem};

use crate::domain::context::Context;
use crate::domain::users::admin;
use crate::http::admin::{administrator, parse};
use crate::http::auth::sessions::Sessions;
use crate::http::cookies::Cookies;
use crate::http::errors::administration_problem;
use crate::model::UserId;

/// Where a person is logged in.
#[utoipa::path(
    get, path = "/admin/users/{id}/sessions", tag = "administration", params(("id" = String, Path, format = "uuid", description = "The person's id")),
    responses(
        (status = 200, description = "The sessions that are alive", body = Sessions),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_required`: the person is no administrator", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: there is no such person", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (current, _) = administrator(&request, &context, **cookies).await?;
    let sessions = admin::sessions(&context.database, parse(&id)?, context.now()).await;
    let sessions = sessions.map_err(administration_problem)?;
    Ok(HttpResponse::Ok().json(Sessions::new(sessions, &current)))
}

/// Logs a person out everywhere.
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions", tag = "administration", params(("id" = String, Path, format = "uuid", description = "The person's id")),
    responses(
        (status = 204, description = "All their sessions have ended, and their access tokens are stale"),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_required`: the person is no administrator", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: there is no such person", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn end_all(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (_, requester) = administrator(&request, &context, **cookies).await?;
    let ended = admin::end_sessions(&context.database, parse(&id)?, &requester, context.now()).await;
    ended.map_err(administration_problem)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends one session of a person.
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions/{session}", tag = "administration",
    params(
        ("id" = String, Path, format = "uuid", description = "The person's id"),
        ("session" = String, Path, format = "uuid", description = "The session's id"),
    ),
    responses(
        (status = 204, description = "It has ended"),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_required`: the person is no administrator", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: the person has no such session, or it is over", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn end(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    ids: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (_, requester) = administrator(&request, &context, **cookies).await?;
    let (user, session): (UserId, _) = (parse(&ids.0)?, parse(&ids.1)?);
    let now = context.now();
    let ended = admin::end_session(&context.database, user, session, &requester, now).await;
    if ended.map_err(administration_problem)? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::new(Code::NotFound))
    }
}
