use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use shared_claims::http::problem::ProblemBody;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::logout;
use crate::http::cookies::Cookies;
use crate::http::errors::store_problem;
use crate::http::extract::client_info::requester;
use crate::http::extract::json::OptionalJson;
use crate::http::extract::refresh_token::{all_presented, session};

/// The token whose session ends, where it is not in the cookie.
#[derive(Default, Deserialize, ToSchema)]
pub struct Logout {
    /// Of any generation.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
}

/// Ends the session that is presented; all of them, where there are several.
#[utoipa::path(
    post, path = "/auth/logout", tag = "session", request_body(content = Option<Logout>),
    responses(
        (status = 204, description = "The session has ended, or nothing was presented that could be. Cookies are cleared."),
        (status = 503, description = "`unavailable`: the session goes on, the cookies stay", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []), ())
)]
pub async fn log_out(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    OptionalJson(body): OptionalJson<Logout>,
) -> Result<HttpResponse, Problem> {
    let tokens = all_presented(&request, **cookies, body.unwrap_or_default().refresh_token)?;
    let requester = requester(&request, **cookies);
    logout::log_out(&context, tokens, &requester).await.map_err(|error| store_problem(&error))?;
    let mut response = HttpResponse::NoContent();
    cookies.clear(&request, &mut response);
    Ok(response.finish())
}

/// Ends every session of the person, on all devices.
#[utoipa::path(
    post, path = "/auth/logout-all", tag = "session",
    responses(
        (status = 204, description = "All sessions have ended. Cookies are cleared."),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn log_out_everywhere(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
) -> Result<HttpResponse, Problem> {
    let (_, user) = session(&request, &context, **cookies).await?;
    let requester = requester(&request, **cookies);
    logout::log_out_everywhere(&context, user.id, &requester).await.map_err(|error| store_problem(&error))?;
    let mut response = HttpResponse::NoContent();
    cookies.clear(&request, &mut response);
    Ok(response.finish())
}
