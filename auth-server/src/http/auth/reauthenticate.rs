use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::{self, CurrentSession, Proof};
use crate::http::extract::{IdempotencyKeyHeader, Json, session_to_rotate};
use crate::http::problems::{MalformedRotation, PasswordProblems};
use crate::http::responses::{self, Tokens};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::ClientInfo;

/// One of `password`, `code`, `recovery_code` and `passkey`, and the options of the access token.
#[derive(Deserialize, ToSchema)]
#[schema(as = Reauthentication)]
pub struct ReauthenticateRequest {
    /// The user's password. Not enough for a user with a second factor.
    #[schema(value_type = Option<String>, format = "password", min_length = 1, pattern = "^[^\\u0000]*$")]
    password: Option<SecretString>,
    /// The code of an authenticator app.
    #[schema(value_type = Option<String>, pattern = "^([0-9][ -]*){6,8}$")]
    code: Option<SecretString>,
    /// A recovery code, in any case, with or without hyphens.
    #[schema(value_type = Option<String>, max_length = 64)]
    recovery_code: Option<SecretString>,
    /// What `navigator.credentials.get` returned for the options of `POST /auth/reauthenticate/options`, as `toJSON()` writes it.
    #[schema(value_type = Option<Object>)]
    passkey: Option<Map<String, Value>>,
    audience: Option<String>,
}

/// Verifies the password or a second factor again and returns the next pair of tokens, with a current `auth_time`.
///
/// For calls that require a recent or a stronger login: after a code, the tokens have `acr` `mfa`. A user with a second factor
/// sends a code and not the password. Rotates the refresh token like `POST /auth/refresh`, with the same grace period and
/// the same use of `Idempotency-Key`. Only these tokens and those that they are exchanged for have the new `auth_time`: a
/// refresh with the previous token keeps the earlier one.
#[utoipa::path(
    post, path = "/auth/reauthenticate", tag = "account", request_body = ReauthenticateRequest,
    params(IdempotencyKeyHeader),
    responses((status = 200, description = "The next pair of tokens", body = Tokens), MalformedRotation, PasswordProblems),
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
    let (current, presentation) = session_to_rotate(&request).await?;
    let mut validation = Validation::default();
    let proof = match (body.password, validation.answer(body.code, body.recovery_code, body.passkey)) {
        (Some(_), Some(_)) => {
            validation.reject("password", "must not be combined with code, recovery_code and passkey");
            None
        }
        (None, Some(answer)) => Some(Proof::Factor(answer)),
        (password, None) => validation.password("password", password).map(Proof::Password),
    };
    let (proof, audience) = (validation.finish(proof)?, body.audience.as_deref());
    context.user_limits.count_change(current.user.id)?;
    rate_limit.count_in_session(client.ip)?;
    let issued = sessions::reauthenticate(&context, current, presentation, proof, audience, &client).await?;
    Ok(responses::rotated(&request, cookies, &issued))
}

/// Returns the options to reauthenticate with a passkey, for `navigator.credentials.get`.
#[utoipa::path(
    post, path = "/auth/reauthenticate/options", tag = "account",
    responses((status = 200, description = "`PublicKeyCredentialRequestOptionsJSON`", body = Object)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn reauthentication_options(
    context: web::Data<Context>,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    let options = sessions::reauthentication_options(&context, &current).await?;
    Ok(HttpResponse::Ok().json(options.ok_or_else(|| Problem::new(Code::NotFound))?))
}
