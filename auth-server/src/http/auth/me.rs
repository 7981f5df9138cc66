use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use shared_claims::claims::CustomClaims;
use shared_claims::http::bearer::{bearer, token_problem};
use shared_claims::{AccessTokenValidator, Acr, Problem, TokenError};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::{self, CurrentSession};
use crate::domain::users::{self, ProfileChange};
use crate::http::extract::OptionalJson;
use crate::http::problems::{FreshLoginRequired, LastAdministrator, RateLimited};
use crate::http::responses::{self, UserBody};
use crate::http::{Cookies, LoginRateLimit, Validation};
use crate::model::{ClientInfo, DisplayName, TokenTransport, User, Username};

/// What to change. Absent members remain unchanged.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = Profile)]
pub struct ProfilePatch {
    /// Display name.
    #[schema(value_type = Option<DisplayName>)]
    name: Option<String>,
    /// Unique username.
    #[schema(value_type = Option<Username>)]
    username: Option<String>,
    /// Language of mails to the user, such as `de`.
    #[schema(pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length = 35)]
    locale: Option<String>,
}

/// Returns the user.
///
/// Requires the session or an access token.
#[utoipa::path(
    get, path = "/auth/me", tag = "account",
    responses((status = 200, description = "The user", body = UserBody)),
    security(("refresh_cookie" = []), ("refresh_token" = []), ("access_token" = []))
)]
pub async fn get_me(
    request: HttpRequest,
    context: web::Data<Context>,
    access_tokens: web::Data<AccessTokenValidator>,
) -> Result<HttpResponse, Problem> {
    let found = user_of_access_token(&request, &context, &access_tokens).await?;
    let (user, acr) = if let Some(found) = found {
        found
    } else {
        let CurrentSession { user, session, .. } = CurrentSession::extract(&request).await?;
        (user, session.amr.acr())
    };
    let withheld = context.policy.withheld_roles(&user, acr);
    Ok(HttpResponse::Ok().json(UserBody::from(&user).without_roles(withheld)))
}

/// Changes the display name, the username and the language of mails.
///
/// For a new username, the user must have given the password within the last 5 minutes. Access tokens contain the new display
/// name from the next refresh on.
#[utoipa::path(
    patch, path = "/auth/me", tag = "account", request_body(content = Option<ProfilePatch>),
    responses(
        (status = 200, description = "The user after the change", body = UserBody),
        FreshLoginRequired, RateLimited,
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn update_me(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    client: ClientInfo,
    OptionalJson(body): OptionalJson<ProfilePatch>,
) -> Result<HttpResponse, Problem> {
    let body = body.unwrap_or_default();
    let current = CurrentSession::extract(&request).await?;
    let mut validation = Validation::default();
    let name = validation.display_name(body.name.as_deref());
    let username = validation.username(body.username.as_deref());
    let locale = validation.locale(body.locale.as_deref(), &context.languages);
    validation.check()?;
    context.user_limits.count_change(current.user.id)?;
    if username.is_some() {
        // The response reveals whether the username is taken, so the attempt is not refunded.
        let _ = rate_limit.count(client.ip)?;
    }
    let change = ProfileChange { name, username, locale };
    let user = users::change_profile(&context.operation(&client), &current, change).await?;
    let withheld = context.policy.withheld_roles(&user, current.session.amr.acr());
    Ok(HttpResponse::Ok().json(UserBody::from(&user).without_roles(withheld)))
}

/// Deletes the user, with all sessions and known devices.
///
/// The user must have given the password within the last 5 minutes. Security events keep their type, their time and the id of
/// the user.
#[utoipa::path(
    delete, path = "/auth/me", tag = "account",
    responses(
        (status = 204, description = "The user is deleted. Clears the cookies."),
        FreshLoginRequired, LastAdministrator,
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn delete_me(
    request: HttpRequest,
    context: web::Data<Context>,
    cookies: Cookies,
    current: CurrentSession,
    client: ClientInfo,
) -> Result<HttpResponse, Problem> {
    users::delete_self(&context, &current, &client).await?;
    let cleared = match current.session.delivery.transport() {
        TokenTransport::Cookie => cookies.cleared(&request),
        TokenTransport::Body => Vec::new(),
    };
    Ok(responses::no_content(std::iter::once(cookies.device_cleared()).chain(cleared)))
}

/// The user of the bearer token, and how strong its login was, if it is an access token of this server. Any other token can be a refresh token.
async fn user_of_access_token(
    request: &HttpRequest,
    context: &Context,
    access_tokens: &AccessTokenValidator,
) -> Result<Option<(User, Acr)>, Problem> {
    let Some(token) = bearer(request)? else { return Ok(None) };
    match access_tokens.check::<CustomClaims>(token) {
        Ok(claims) => Ok(Some((sessions::user_by_access_token(context, &claims).await?, claims.acr))),
        Err(error @ TokenError::Expired) => Err(token_problem(&error)),
        Err(_) => Ok(None),
    }
}
