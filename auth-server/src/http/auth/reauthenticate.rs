use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::{self, CurrentSession};
use crate::http::extract::Json;
use crate::http::problems::PasswordProblems;
use crate::http::responses::{self, Tokens};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::ClientInfo;

/// The password, and the options of the access token.
#[derive(Deserialize, ToSchema)]
#[schema(as = Reauthentication)]
pub struct ReauthenticateRequest {
    /// The user's password.
    #[schema(value_type = String, required, format = "password", min_length = 1, pattern = "^[^\\u0000]*$")]
    password: Option<SecretString>,
    audience: Option<String>,
}

/// Verifies the password again and returns an access token with a current `auth_time`.
///
/// For calls that require a recent login. The refresh token stays the same.
#[utoipa::path(
    post, path = "/auth/reauthenticate", tag = "account", request_body = ReauthenticateRequest,
    responses((status = 200, description = "A new access token", body = Tokens), PasswordProblems),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn reauthenticate(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    cookies: Cookies,
    client: ClientInfo,
    Json(body): Json<ReauthenticateRequest>,
) -> Result<HttpResponse, Problem> {
    let current = CurrentSession::extract(&request).await?;
    let mut validation = Validation::default();
    let password = validation.password("password", body.password);
    let (password, audience) = (validation.finish(password)?, body.audience.as_deref());
    context.user_limits.count_change(current.user.id)?;
    rate_limit.count_in_session(client.ip)?;
    let (access_token, session, user) =
        sessions::reauthenticate(&context, current, password, audience, &client).await?;
    Ok(responses::access_token(cookies, &access_token, &session, &user))
}
