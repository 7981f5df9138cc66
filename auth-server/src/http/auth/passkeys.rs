//! Login with a passkey.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value};
use shared_claims::Problem;
use utoipa::ToSchema;
use webauthn::AuthenticationResponse;

use crate::domain::context::Context;
use crate::domain::sessions::{self, NewSession, PasskeyLoginError};
use crate::http::auth::email_verification::code_required;
use crate::http::auth::session_options::SessionOptions;
use crate::http::extract::Json;
use crate::http::extract::refresh_token::find_all;
use crate::http::problems::PasskeyLoginProblems;
use crate::http::responses::{self, Tokens};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::ClientInfo;

/// Returns the options for `navigator.credentials.get` to log in with a passkey alone.
///
/// They name no user, and are valid for 5 minutes.
#[utoipa::path(
    post, path = "/auth/passkey/options", tag = "session",
    responses((status = 200, description = "`PublicKeyCredentialRequestOptionsJSON`", body = Object))
)]
pub async fn passkey_login_options(context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(sessions::passkey_options(&context)?))
}

/// A passkey, and the options of the session.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasskeyLogin)]
pub struct PasskeyLoginRequest {
    /// What `navigator.credentials.get` returned, as `toJSON()` writes it.
    #[schema(value_type = Object, required)]
    credential: Option<Map<String, Value>>,
    #[serde(flatten)]
    #[schema(inline)]
    session: SessionOptions,
}

/// Creates a session with a passkey alone.
///
/// The session has `acr` `phr`. If the request contains the refresh token of another session, that session ends.
#[utoipa::path(
    post, path = "/auth/passkey/login", tag = "session", request_body = PasskeyLoginRequest,
    responses((status = 200, description = "The tokens of the new session", body = Tokens), PasskeyLoginProblems)
)]
pub async fn log_in_with_passkey(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    cookies: Cookies,
    client: ClientInfo,
    Json(body): Json<PasskeyLoginRequest>,
) -> Result<HttpResponse, Problem> {
    let mut validation = Validation::default();
    let credential: Option<AuthenticationResponse> = validation.credential("credential", body.credential);
    let session = body.session.parse(&mut validation, client);
    let credential = validation.finish(credential)?;
    let session = NewSession { superseded: find_all(&request, cookies, None)?, ..session };
    let client = session.client.clone();
    let attempt = rate_limit.count(client.ip)?;
    let outcome = sessions::log_in_with_passkey(&context, credential, session).await;
    match &outcome {
        Ok(_) => rate_limit.refund(attempt),
        Err(PasskeyLoginError::EmailUnverified(user)) => {
            return Err(code_required(&request, &context, &rate_limit, user, &client).await?);
        }
        Err(error) if !error.is_attempt() => rate_limit.cancel(attempt),
        Err(_) => {}
    }
    Ok(responses::new_session(HttpResponse::Ok(), &request, cookies, &outcome?))
}
