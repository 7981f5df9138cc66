use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::users;
use crate::http::extract::{Json, accept_language};
use crate::http::problems::{CodeProblems, RateLimited};
use crate::http::responses::ContinuationBody;
use crate::http::{LoginRateLimit, Validation};
use crate::model::{ClientInfo, Email};

/// The address of a user who forgot the password.
#[derive(Deserialize, ToSchema)]
#[schema(as = ForgottenPassword)]
pub struct ForgotRequest {
    #[schema(value_type = Email, required)]
    email: Option<String>,
}

/// A token, or a code with its continuation, and the new password.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordReset)]
pub struct ResetRequest {
    /// The fragment of the link. Required unless `code` is present.
    #[schema(value_type = Option<String>)]
    token: Option<SecretString>,
    /// From the response to `POST /auth/password/forgot`, with `code`.
    #[schema(value_type = Option<String>)]
    continuation: Option<SecretString>,
    /// The code in the mail: 8 digits, which may be grouped by spaces and hyphens.
    #[schema(value_type = Option<String>, pattern = "^([0-9][ -]*){8}$")]
    code: Option<SecretString>,
    /// 9 to 128 characters, hard to guess.
    #[schema(value_type = String, required, format = "password", min_length = 9, max_length = 128, pattern = "^[^\\u0000]*$")]
    new_password: Option<SecretString>,
}

/// Requests a mail with a link and a code that set a new password.
///
/// The response is the same for an address that no user has. Then no mail is sent.
#[utoipa::path(
    post, path = "/auth/password/forgot", tag = "account", request_body = ForgotRequest,
    responses(
        (status = 202, description = "If a user has this address, a mail is on its way", body = ContinuationBody),
        RateLimited,
    )
)]
pub async fn forgot_password(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    client: ClientInfo,
    Json(body): Json<ForgotRequest>,
) -> Result<HttpResponse, Problem> {
    let mut validation = Validation::default();
    let email = validation.email(body.email.as_deref());
    let email = validation.finish(email)?;
    rate_limit.count_mail(client.ip)?;
    let locale = context.locale(accept_language(&request));
    let continuation = users::forgot_password(&context, email, locale, &client).await?;
    Ok(HttpResponse::Accepted().json(ContinuationBody::from(&continuation)))
}

/// Sets a new password with a link or a code.
///
/// Ends all sessions of the user. Creates none: the user logs in with the new password.
#[utoipa::path(
    post, path = "/auth/password/reset", tag = "account", request_body = ResetRequest,
    responses((status = 204, description = "The password is changed"), CodeProblems, RateLimited)
)]
pub async fn reset_password(
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    client: ClientInfo,
    Json(body): Json<ResetRequest>,
) -> Result<HttpResponse, Problem> {
    let mut validation = Validation::default();
    let presented = validation.presented(body.token, body.continuation, body.code);
    let new = validation.password("new_password", body.new_password);
    let (presented, new) = validation.finish(presented.zip(new))?;
    let _ = rate_limit.count(client.ip)?;
    users::reset_password(&context, presented, new, &client).await?;
    Ok(HttpResponse::NoContent().finish())
}
