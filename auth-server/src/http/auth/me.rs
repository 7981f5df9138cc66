use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use shared_claims::http::bearer::{bearer, token_problem};
use shared_claims::http::problem::ProblemBody;
use shared_claims::{AccessTokenValidator, Problem, TokenError};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::authentication;
use crate::domain::users::profile;
use crate::http::cookies::Cookies;
use crate::http::errors::{deletion_problem, rename_problem, with_challenge};
use crate::http::extract::client_info::{address, requester};
use crate::http::extract::json::Json;
use crate::http::extract::refresh_token::session;
use crate::http::rate_limit::Attempts;
use crate::http::responses::UserBody;
use crate::http::validation::Fields;
use crate::model::{DisplayName, TokenTransport, User, Username};

/// The names to change; those that are not given stay.
#[derive(Deserialize, ToSchema)]
pub struct Names {
    /// How to greet the person.
    #[schema(value_type = Option<DisplayName>)]
    name: Option<String>,
    /// Unique.
    #[schema(value_type = Option<Username>)]
    username: Option<String>,
}

/// Who is logged in.
#[utoipa::path(
    get, path = "/auth/me", tag = "account",
    responses(
        (status = 200, description = "The person", body = UserBody),
        (status = 401, description = "`missing_token`, `invalid_token`, `token_expired`, `token_stale`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []), ("access_token" = []))
)]
pub async fn show(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    access_tokens: web::Data<AccessTokenValidator>,
) -> Result<HttpResponse, Problem> {
    let user = match by_access_token(&request, &context, &access_tokens).await? {
        Some(user) => user,
        None => session(&request, &context, **cookies).await?.1,
    };
    Ok(HttpResponse::Ok().json(UserBody::from(&user)))
}

/// Changes names.
#[utoipa::path(
    patch, path = "/auth/me", tag = "account", request_body = Names,
    responses(
        (status = 200, description = "The person, with the new names", body = UserBody),
        (status = 429, description = "`too_many_requests`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn change(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
    attempts: web::Data<Attempts>,
    Json(body): Json<Names>,
) -> Result<HttpResponse, Problem> {
    let (_, user) = session(&request, &context, **cookies).await?;
    // An answer tells whether somebody has that username.
    if body.username.is_some() {
        attempts.count(address(&request))?;
    }
    let mut fields = Fields::default();
    let name = fields.display_name(body.name.as_deref());
    let username = fields.username(body.username.as_deref());
    fields.check()?;
    let user = profile::rename(&context, user.id, name, username, &requester(&request, **cookies)).await;
    let user = user.map_err(rename_problem)?;
    Ok(HttpResponse::Ok().json(UserBody::from(&user)))
}

/// Deletes the person who asks, with everything that belongs to them. Their events keep no more than the id.
#[utoipa::path(
    delete, path = "/auth/me", tag = "account",
    responses(
        (status = 204, description = "The person is gone. Cookies are cleared."),
        (status = 401, description = "`missing_token`, `invalid_token`, `session_ended`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`fresh_login_required`: the password was last checked more than `max_age` seconds ago", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`last_administrator`: nobody would be left to administer", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn delete(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: web::Data<Cookies>,
) -> Result<HttpResponse, Problem> {
    let (session, user) = session(&request, &context, **cookies).await?;
    profile::delete_oneself(&context, &session, &user).await.map_err(deletion_problem)?;
    let mut response = HttpResponse::NoContent();
    response.cookie(cookies.device_cleared());
    if session.delivery.transport() == TokenTransport::Cookie {
        cookies.clear(&request, &mut response);
    }
    Ok(response.finish())
}

/// The person of an access token, where the request bears one. Whatever else it bears is read as a refresh token.
async fn by_access_token(
    request: &HttpRequest,
    context: &Context,
    access_tokens: &AccessTokenValidator,
) -> Result<Option<User>, Problem> {
    let Some(token) = bearer(request)? else { return Ok(None) };
    match access_tokens.check(token) {
        Ok(claims) => {
            authentication::by_access_token(context, &claims).await.map(Some).map_err(with_challenge)
        }
        Err(TokenError::Expired) => Err(token_problem(&TokenError::Expired)),
        Err(_) => Ok(None),
    }
}
