use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use shared_claims::http::problem::ProblemBody;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::reauthentication;
use crate::http::cookies::Cookies;
use crate::http::errors::reauthentication_problem;
use crate::http::extract::client_info::{address, requester};
use crate::http::extract::json::Json;
use crate::http::extract::refresh_token::session_by_token;
use crate::http::rate_limit::Attempts;
use crate::http::responses::{Tokens, fresh_access_token};
use crate::http::validation::Fields;

/// The password once more.
#[derive(Deserialize, ToSchema)]
pub struct Reauthentication {
    /// As it is now.
    #[schema(value_type = String, required, format = "password", min_length = 1, pattern = "^[^\\u0000]*$")]
    password: Option<SecretString>,
    /// Audience of the access token; must be listed.
    audience: Option<String>,
}

/// Proves once more who is there: a new access token whose `auth_time` is now. The refresh token stays as it is.
#[utoipa::path(
    post, path = "/auth/reauthenticate", tag = "account", request_body = Reauthentication,
    responses(
        (status = 200, description = "A fresh access token; never a refresh token", body = Tokens),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`; `invalid_credentials`: the password is wrong", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_requests`: too many wrong passwords", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn reauthenticate(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    attempts: web::Data<Attempts>,
    Json(body): Json<Reauthentication>,
) -> Result<HttpResponse, Problem> {
    let (session, user, token) = session_by_token(&request, &context, **cookies).await?;
    attempts.count(address(&request))?;
    let mut fields = Fields::default();
    let password = fields.password("password", body.password);
    let Some(password) = password else { return Err(fields.problem()) };
    let (requester, audience) = (requester(&request, **cookies), body.audience.as_deref());
    let proved =
        reauthentication::reauthenticate(&context, session, user, &token, password, audience, &requester)
            .await;
    let (access_token, session, user) = proved.map_err(reauthentication_problem)?;
    Ok(fresh_access_token(**cookies, &access_token, &session, &user))
}
