use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::http::problem::ProblemBody;
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::refresh::{self, IdempotencyKey, RefreshRequest};
use crate::http::cookies::Cookies;
use crate::http::errors::{refresh_problem, session_ended};
use crate::http::extract::client_info::requester;
use crate::http::extract::json::OptionalJson;
use crate::http::extract::refresh_token::presented;
use crate::http::responses::{Tokens, tokens};
use crate::model::{EndReason, TokenTransport};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The token to spend, where it is not in the cookie.
#[derive(Default, Deserialize, ToSchema)]
pub struct Refresh {
    /// Only with `token_delivery` `body`.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
    /// Audience of the new access token; must be listed.
    audience: Option<String>,
}

/// Spends the refresh token and hands out the next pair.
///
/// With an `Idempotency-Key`, a client whose answer was lost gets it again by sending the same request.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "session", request_body(content = Option<Refresh>),
    params(("Idempotency-Key" = Option<String>, Header, pattern = r#"^([A-Za-z0-9_-]{22,64}|"[A-Za-z0-9_-]{22,64}")$"#, description = "22 to 64 of `[A-Za-z0-9_-]`, bare or quoted; a new one for every refresh, the same for its repetition")),
    responses(
        (status = 200, description = "The next pair; `rotation` is its generation.", body = Tokens),
        (status = 400, description = "`malformed_request`: also a token that came another way than its session's delivery", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`missing_token`, `session_ended` (with `reason`): log in again.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: try again with the same token and the same key", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []), ())
)]
pub async fn refresh(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    OptionalJson(body): OptionalJson<Refresh>,
) -> Result<HttpResponse, Problem> {
    let body = body.unwrap_or_default();
    let idempotency_key = idempotency_key(&request)?;
    let presented =
        presented(&request, **cookies, body.refresh_token).map_err(|problem| match problem.code() {
            // Malformed is as good as forged here.
            Code::InvalidToken => session_ended(EndReason::Unknown),
            _ => problem,
        })?;
    let presented = presented.ok_or_else(|| Problem::new(Code::MissingToken))?;
    let transport = presented.transport;
    let wanted = RefreshRequest {
        token: presented.token,
        transport,
        idempotency_key,
        audience: body.audience,
        requester: requester(&request, **cookies),
    };
    let refreshed = refresh::refresh(&context, wanted).await;
    match refreshed.inspect_err(|error| context.metrics.refused_refresh(error)) {
        Ok(issued) => Ok(tokens(HttpResponse::Ok(), **cookies, &issued)),
        Err(refresh::RefreshError::SessionEnded(reason)) if transport == TokenTransport::Cookie => {
            let mut response = session_ended(reason).error_response();
            // The one error that means "log in again": only here may the cookies go.
            for cookie in cookies.cleared(&request) {
                response.add_cookie(&cookie).map_err(|_| Problem::new(Code::InternalError))?;
            }
            Ok(response)
        }
        Err(error) => Err(refresh_problem(error)),
    }
}

/// `Idempotency-Key`: one header, 22 to 64 of `[A-Za-z0-9_-]`, bare or quoted (a string of RFC 9651 is quoted).
/// 22 characters hold 128 bits: nobody guesses another client's key.
///
/// # Errors
/// `malformed_request` for anything else.
pub fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = request.headers().get_all(&IDEMPOTENCY_KEY);
    let (Some(value), more) = (values.next(), values.next()) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let fits = (22..=64).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if fits && more.is_none() {
        return Ok(Some(IdempotencyKey::hash(key)));
    }
    Err(Problem::new(Code::MalformedRequest)
        .detail("Idempotency-Key must be one header of 22 to 64 of [A-Za-z0-9_-]."))
}
