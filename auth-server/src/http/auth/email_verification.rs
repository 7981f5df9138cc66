use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared_claims::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::CurrentSession;
use crate::domain::users::{self, Companion};
use crate::http::extract::{Json, accept_language};
use crate::http::problems::{ConfirmationProblems, RateLimited};
use crate::http::responses::{ContinuationBody, UserBody};
use crate::http::{LoginRateLimit, Validation};
use crate::model::{ClientInfo, User};

/// A token or a code, and what proves that the user of the address presents it.
#[derive(Deserialize, ToSchema)]
#[schema(as = Verification)]
pub struct VerifyRequest {
    /// The fragment of the link. Required unless `code` is present.
    #[schema(value_type = Option<String>)]
    token: Option<SecretString>,
    /// From the response that announced the mail. Required with `code`.
    #[schema(value_type = Option<String>)]
    continuation: Option<SecretString>,
    /// The code in the mail: 8 digits, which may be grouped by spaces and hyphens.
    #[schema(value_type = Option<String>, pattern = "^([0-9][ -]*){8}$")]
    code: Option<SecretString>,
    /// The password of the user. Required unless `continuation` is present, or the request has a session of the user.
    #[schema(value_type = Option<String>, format = "password")]
    password: Option<SecretString>,
}

/// Requests a mail with a link and a code that prove the user's address.
///
/// The response is the same if the address is proved already. Then no mail is sent.
#[utoipa::path(
    post, path = "/auth/email/verification", tag = "account",
    responses((status = 202, description = "A mail is on its way", body = ContinuationBody), RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn request_verification(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    client: ClientInfo,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    rate_limit.count_mail(client.ip)?;
    let locale = context.locale(accept_language(&request));
    let continuation = users::request_verification(&context, &current.user, locale, &client).await?;
    Ok(HttpResponse::Accepted().json(ContinuationBody::from(&continuation)))
}

/// Proves the address of a user with a link or a code.
///
/// A link alone is not enough. Its reader may be another person than the one who registered with this address.
#[utoipa::path(
    post, path = "/auth/email/verify", tag = "account", request_body = VerifyRequest,
    responses((status = 200, description = "The user", body = UserBody), ConfirmationProblems, RateLimited),
    security((), ("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn verify_email(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    client: ClientInfo,
    Json(body): Json<VerifyRequest>,
) -> Result<HttpResponse, Problem> {
    let mut validation = Validation::default();
    let has_continuation = body.continuation.is_some();
    let presented = validation.presented(body.token, body.continuation, body.code);
    let password = body.password.and_then(|password| validation.password("password", Some(password)));
    let presented = validation.finish(presented)?;
    let companion = match password {
        _ if has_continuation => Companion::Continuation,
        Some(password) => Companion::Password(password),
        None => Companion::Session(CurrentSession::extract(&request).await?.user.id),
    };
    let _ = rate_limit.count(client.ip)?;
    let user = users::verify_email(&context, presented, companion, &client).await?;
    Ok(HttpResponse::Ok().json(UserBody::from(&user)))
}

/// Sends a code to a user who gave the right password and must prove the address before a session starts. Returns
/// `email_code_required`.
pub async fn code_required(
    request: &HttpRequest,
    context: &Context,
    rate_limit: &LoginRateLimit,
    user: &User,
    client: &ClientInfo,
) -> Result<Problem, Problem> {
    rate_limit.count_mail_of_attempt(client.ip)?;
    let locale = context.locale(accept_language(request));
    let continuation = users::request_verification(context, user, locale, client).await?;
    Ok(Problem::new(Code::EmailCodeRequired)
        .detail("The e-mail address must be verified first: enter the code that was sent to it.")
        .continuation(continuation.value.expose_secret(), continuation.expires_in.unsigned_abs()))
}
