use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::users::{self, PasswordChange};
use crate::http::extract::{IdempotencyKeyHeader, Json, session_to_rotate};
use crate::http::problems::{MalformedRotation, PasswordProblems};
use crate::http::responses::{self, Tokens};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::ClientInfo;

/// The current and the new password.
#[derive(Deserialize, ToSchema)]
#[schema(as = Passwords)]
pub struct ChangePasswordRequest {
    /// The current password.
    #[schema(value_type = String, required, format = "password", min_length = 1, pattern = "^[^\\u0000]*$")]
    current_password: Option<SecretString>,
    /// 9 to 128 characters, hard to guess.
    #[schema(value_type = String, required, format = "password", min_length = 9, max_length = 128, pattern = "^[^\\u0000]*$")]
    new_password: Option<SecretString>,
    /// With `false` the user's other sessions continue.
    #[schema(default = true)]
    end_other_sessions: Option<bool>,
}

/// Changes the password and returns the next pair of tokens.
///
/// The session continues with a new refresh token, and all earlier copies of it become invalid. The user's other sessions end,
/// and access tokens issued before become stale. A client that lost the response repeats the request with the same token, body
/// and `Idempotency-Key`, or within the grace period, and gets the same refresh token.
#[utoipa::path(
    post, path = "/auth/password", tag = "account", request_body = ChangePasswordRequest,
    params(IdempotencyKeyHeader),
    responses((status = 200, description = "The next pair of tokens", body = Tokens), MalformedRotation, PasswordProblems),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn change_password(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    cookies: Cookies,
    client: ClientInfo,
    Json(body): Json<ChangePasswordRequest>,
) -> Result<HttpResponse, Problem> {
    let (session, presentation) = session_to_rotate(&request).await?;
    let mut validation = Validation::default();
    let current = validation.password("current_password", body.current_password);
    let new = validation.password("new_password", body.new_password);
    let (current, new) = validation.finish(current.zip(new))?;
    context.user_limits.count_change(session.user.id)?;
    rate_limit.count_in_session(client.ip)?;
    let change = PasswordChange { current, new, end_other_sessions: body.end_other_sessions.unwrap_or(true) };
    let issued = users::change_password(&context, session, presentation, change, &client).await?;
    Ok(responses::rotated(&request, cookies, &issued))
}
