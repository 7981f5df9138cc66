use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::CurrentSession;
use crate::domain::users::{self, PasswordChange};
use crate::http::extract::Json;
use crate::http::problems::PasswordProblems;
use crate::http::{LoginRateLimit, Validation, responses};
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

/// Changes the password.
///
/// The session continues. The user's other sessions end, and access tokens issued before become stale.
#[utoipa::path(
    post, path = "/auth/password", tag = "account", request_body = ChangePasswordRequest,
    responses((status = 204, description = "The password is changed"), PasswordProblems),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn change_password(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    client: ClientInfo,
    Json(body): Json<ChangePasswordRequest>,
) -> Result<HttpResponse, Problem> {
    let session = CurrentSession::extract(&request).await?;
    let mut validation = Validation::default();
    let current = validation.password("current_password", body.current_password);
    let new = validation.password("new_password", body.new_password);
    let (current, new) = validation.finish(current.zip(new))?;
    context.user_limits.count_change(session.user.id)?;
    rate_limit.count_in_session(client.ip)?;
    let change = PasswordChange { current, new, end_other_sessions: body.end_other_sessions.unwrap_or(true) };
    users::change_password(&context, &session, change, &client).await?;
    Ok(responses::no_content([]))
}
