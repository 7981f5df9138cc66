use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::{self, CurrentSession};
use crate::http::arrival::without_client;
use crate::http::extract::{OptionalJson, refresh_token};
use crate::http::problems::FreshLoginRequired;
use crate::http::{Cookies, responses};
use crate::model::ClientInfo;

/// The refresh token of clients without cookies.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = Logout)]
pub struct LogoutRequest {
    /// Any refresh token of the session, even a rotated or expired one.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
}

/// Ends the session.
///
/// If the request contains several refresh tokens, all their sessions end. After 503 the session and the cookies remain.
#[utoipa::path(
    post, path = "/auth/logout", tag = "session", request_body(content = Option<LogoutRequest>),
    responses((status = 204, description = "The session has ended, or there was none. Clears the cookies.")),
    security(("refresh_cookie" = []), ("refresh_token" = []), ())
)]
pub async fn log_out(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: Cookies,
    client: ClientInfo,
    OptionalJson(body): OptionalJson<LogoutRequest>,
) -> Result<HttpResponse, Problem> {
    let tokens = refresh_token::find_all(&request, cookies, body.unwrap_or_default().refresh_token)?;
    without_client(async move { Ok(sessions::log_out(&context, tokens, &client).await?) }).await?;
    Ok(responses::no_content(cookies.cleared(&request)))
}

/// Ends all sessions of the user, on all devices.
///
/// The user must have given the password within the last 5 minutes. Access tokens issued before become stale.
#[utoipa::path(
    post, path = "/auth/logout-all", tag = "session",
    responses((status = 204, description = "All sessions have ended. Clears the cookies."), FreshLoginRequired),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn log_out_everywhere(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: Cookies,
    client: ClientInfo,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    let end = async move { Ok(sessions::log_out_everywhere(&context, &current, &client).await?) };
    without_client(end).await?;
    Ok(responses::no_content(cookies.cleared(&request)))
}
