use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use shared_claims::http::problem::ProblemBody;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::login::{self, Opening};
use crate::http::cookies::Cookies;
use crate::http::errors::login_problem;
use crate::http::extract::client_info::{address, requester};
use crate::http::extract::json::Json;
use crate::http::extract::refresh_token::all_presented;
use crate::http::rate_limit::Attempts;
use crate::http::responses::{Tokens, tokens};
use crate::http::validation::Fields;
use crate::model::{Delivery, Email, Username};

/// Who wants to log in, and how.
#[derive(Deserialize, ToSchema)]
pub struct Login {
    /// This or `username`.
    #[schema(value_type = Option<Email>)]
    email: Option<String>,
    /// This or `email`.
    #[schema(value_type = Option<Username>)]
    username: Option<String>,
    /// As chosen at registration.
    #[schema(value_type = String, required, format = "password", min_length = 1, pattern = "^[^\\u0000]*$")]
    password: Option<SecretString>,
    /// `false`: the cookie goes with the browser.
    #[schema(default = true)]
    remember: Option<bool>,
    /// How the session's tokens travel.
    #[schema(value_type = Option<Delivery>)]
    token_delivery: Option<String>,
    /// Audience of the access token; must be listed.
    audience: Option<String>,
}

/// Opens a session. A session that is presented along ends.
#[utoipa::path(
    post, path = "/auth/login", tag = "session", request_body = Login,
    responses(
        (status = 200, description = "Logged in. `token_delivery` says which of the two tokens is in the body and which in a cookie.", body = Tokens),
        (status = 401, description = "`invalid_credentials`: unknown, wrong password, or disabled", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_requests`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn log_in(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    attempts: web::Data<Attempts>,
    Json(body): Json<Login>,
) -> Result<HttpResponse, Problem> {
    attempts.count(address(&request)).inspect_err(|_| context.metrics.logins.count("throttled"))?;
    let mut fields = Fields::default();
    let identifier = fields.identifier(body.email.as_deref(), body.username.as_deref());
    let password = fields.password("password", body.password);
    let delivery = fields.delivery(body.token_delivery.as_deref());
    let (Some(identifier), Some(password)) = (identifier, password) else { return Err(fields.problem()) };
    fields.check()?;
    let opening = opening(&request, &context, **cookies, delivery, body.remember, body.audience)?;
    let issued = context.metrics.login(login::log_in(&context, identifier, password, opening).await);
    let issued = issued.map_err(login_problem)?;
    let mut response = HttpResponse::Ok();
    clear_other_cookies(&request, **cookies, delivery, &mut response);
    Ok(tokens(response, **cookies, &issued))
}

/// How the request wants its session.
pub fn opening(
    request: &HttpRequest,
    context: &Context,
    cookies: Cookies,
    delivery: Delivery,
    remember: Option<bool>,
    audience: Option<String>,
) -> Result<Opening, Problem> {
    let presented = all_presented(request, cookies, None)?;
    let replaces = presented.iter().filter_map(|token| context.refresh_tokens.read(token).ok()).collect();
    Ok(Opening {
        delivery,
        remember: remember.unwrap_or(true),
        audience,
        requester: requester(request, cookies),
        replaces,
    })
}

/// The session that the old cookies belonged to has ended; with another delivery nothing overwrites them.
pub fn clear_other_cookies(
    request: &HttpRequest,
    cookies: Cookies,
    delivery: Delivery,
    response: &mut actix_web::HttpResponseBuilder,
) {
    match delivery {
        Delivery::Body if !cookies.find_all(request).is_empty() => cookies.clear(request, response),
        Delivery::Body | Delivery::RefreshCookie => cookies.clear_access(request, response),
        Delivery::BothCookies => {}
    }
}
