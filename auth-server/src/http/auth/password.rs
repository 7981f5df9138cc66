use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use shared_claims::http::problem::ProblemBody;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::passwords::change::{self, PasswordChange};
use crate::http::cookies::Cookies;
use crate::http::errors::password_change_problem;
use crate::http::extract::client_info::{address, requester};
use crate::http::extract::json::Json;
use crate::http::extract::refresh_token::session;
use crate::http::rate_limit::Attempts;
use crate::http::validation::Fields;

/// The old password and the new.
#[derive(Deserialize, ToSchema)]
pub struct Passwords {
    /// As it is now.
    #[schema(value_type = String, required, format = "password", min_length = 1, pattern = "^[^\\u0000]*$")]
    current_password: Option<SecretString>,
    /// 9 to 128 characters, and not easy to guess.
    #[schema(value_type = String, required, format = "password", min_length = 9, max_length = 128, pattern = "^[^\\u0000]*$")]
    new_password: Option<SecretString>,
    /// `false`: whoever else is logged in stays so.
    #[schema(default = true)]
    end_other_sessions: Option<bool>,
}

/// Changes the password. The session that asks goes on, the person's others end; access tokens become stale.
#[utoipa::path(
    post, path = "/auth/password", tag = "account", request_body = Passwords,
    responses(
        (status = 204, description = "The password is changed"),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`; `invalid_credentials`: the current password is wrong", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_requests`: too many wrong passwords", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn change(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    attempts: web::Data<Attempts>,
    Json(body): Json<Passwords>,
) -> Result<HttpResponse, Problem> {
    let (session, user) = session(&request, &context, **cookies).await?;
    attempts.count(address(&request))?;
    let mut fields = Fields::default();
    let current = fields.password("current_password", body.current_password);
    let new = fields.password("new_password", body.new_password);
    let (Some(current), Some(new)) = (current, new) else { return Err(fields.problem()) };
    let change = PasswordChange { current, new, end_other_sessions: body.end_other_sessions.unwrap_or(true) };
    let requester = requester(&request, **cookies);
    let changed = change::change(&context, session, &user, change, &requester).await;
    changed.map_err(password_change_problem)?;
    Ok(HttpResponse::NoContent().finish())
}
