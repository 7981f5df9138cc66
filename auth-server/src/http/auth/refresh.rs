use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::{self, Presentation, RotationError};
use crate::http::Cookies;
use crate::http::errors::session_ended;
use crate::http::extract::refresh_token::{self, ReceivedToken};
use crate::http::extract::{IdempotencyKeyHeader, OptionalJson, idempotency_key};
use crate::http::problems::RefreshProblems;
use crate::http::responses::{self, Tokens};
use crate::model::{ClientInfo, EndReason, TokenTransport};

/// The refresh token of clients without cookies, and the options of the access token.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = Refresh)]
pub struct RefreshRequest {
    /// Only for sessions with `token_delivery` `body`.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
    audience: Option<String>,
}

/// Rotates the refresh token and returns the next pair of tokens.
///
/// The refresh token is in the cookie or in the body, as the session's `token_delivery` requires. A client that lost the
/// response repeats the request with the same `Idempotency-Key` and gets the same new refresh token. Any other use of a
/// rotated token ends the session, except within a grace period of a few seconds. After 503 the client retries with the same
/// token and key.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "session", request_body(content = Option<RefreshRequest>),
    params(IdempotencyKeyHeader),
    responses((status = 200, description = "The next pair of tokens", body = Tokens), RefreshProblems),
    security(("refresh_cookie" = []), ("refresh_token" = []), ())
)]
pub async fn refresh(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: Cookies,
    client: ClientInfo,
    OptionalJson(body): OptionalJson<RefreshRequest>,
) -> Result<HttpResponse, Problem> {
    let RefreshRequest { refresh_token, audience } = body.unwrap_or_default();
    let idempotency_key = idempotency_key(&request)?;
    let ReceivedToken { token, transport } = received_token(&request, &context, cookies, refresh_token)?;
    let presentation = Presentation { transport, idempotency_key };
    let rotation = sessions::RefreshRequest { token, presentation, audience, client };
    match sessions::refresh(&context, rotation).await {
        Ok(issued) => Ok(responses::rotated(&request, cookies, &issued)),
        // After any other error the client can retry with its cookies.
        Err(RotationError::SessionEnded(reason)) if transport == TokenTransport::Cookie => {
            Err(responses::with_cookies(session_ended(reason), cookies.cleared(&request)))
        }
        Err(error) => Err(error.into()),
    }
}

fn received_token(
    request: &HttpRequest,
    context: &Context,
    cookies: Cookies,
    in_body: Option<SecretString>,
) -> Result<ReceivedToken, Problem> {
    let received = refresh_token::find_to_refresh(request, context, cookies, in_body).map_err(|problem| {
        // A malformed token is treated like a forged one.
        if problem.code() == Code::InvalidToken { session_ended(EndReason::Unknown) } else { problem }
    })?;
    received.ok_or_else(|| Problem::new(Code::MissingToken))
}
