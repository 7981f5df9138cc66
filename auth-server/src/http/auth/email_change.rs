use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::sessions::CurrentSession;
use crate::domain::users;
use crate::http::extract::{Json, accept_language};
use crate::http::problems::{AddressTaken, CodeProblems, FreshLoginRequired, RateLimited};
use crate::http::responses::{ContinuationBody, UserBody};
use crate::http::{LoginRateLimit, Validation};
use crate::model::{ClientInfo, Email, Proof};

/// The new address.
#[derive(Deserialize, ToSchema)]
#[schema(as = EmailChange)]
pub struct ChangeEmailRequest {
    #[schema(value_type = Email, required)]
    email: Option<String>,
}

/// A token, or a code with its continuation.
#[derive(Deserialize, ToSchema)]
#[schema(as = EmailChangeProof)]
pub struct ConfirmEmailRequest {
    /// The fragment of the link. Required unless `code` is present.
    #[schema(value_type = Option<String>)]
    token: Option<SecretString>,
    /// From the response to `POST /auth/email`, with `code`.
    #[schema(value_type = Option<String>)]
    continuation: Option<SecretString>,
    /// The code in the mail: 8 digits, which may be grouped by spaces and hyphens.
    #[schema(value_type = Option<String>, pattern = "^([0-9][ -]*){8}$")]
    code: Option<SecretString>,
    /// With `false` the user's other sessions continue.
    #[schema(default = true)]
    end_other_sessions: Option<bool>,
}

/// Requests a change of the address.
///
/// Sends a link and a code to the new address, and a notice to the current one. The response is the same if another user has
/// the address; then no link is sent. A further request makes this one void. The user must have given the password within the
/// last 5 minutes.
#[utoipa::path(
    post, path = "/auth/email", tag = "account", request_body = ChangeEmailRequest,
    responses(
        (status = 202, description = "Unless another user has the address, a mail is on its way", body = ContinuationBody),
        FreshLoginRequired, RateLimited,
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn change_email(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    client: ClientInfo,
    Json(body): Json<ChangeEmailRequest>,
) -> Result<HttpResponse, Problem> {
    let current = CurrentSession::extract(&request).await?;
    let mut validation = Validation::default();
    let email = validation.email(body.email.as_deref());
    let email = validation.finish(email)?;
    context.user_limits.count_change(current.user.id)?;
    rate_limit.count_mail(client.ip)?;
    let locale = context.locale(accept_language(&request));
    let continuation = users::request_email_change(&context, &current, email, locale, &client).await?;
    Ok(HttpResponse::Accepted().json(ContinuationBody::from(&continuation)))
}

/// Changes the address with a link or a code.
///
/// Requires a session of the user who requested the change. The new address is verified. The user's other sessions end, access
/// tokens issued before become stale, and all earlier links for the user become invalid.
#[utoipa::path(
    post, path = "/auth/email/confirm", tag = "account", request_body = ConfirmEmailRequest,
    responses(
        (status = 200, description = "The user with the new address", body = UserBody),
        CodeProblems, AddressTaken, RateLimited,
    ),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn confirm_email(
    request: HttpRequest,
    context: web::Data<Context>,
    rate_limit: web::Data<LoginRateLimit>,
    client: ClientInfo,
    Json(body): Json<ConfirmEmailRequest>,
) -> Result<HttpResponse, Problem> {
    let current = CurrentSession::extract(&request).await?;
    let mut validation = Validation::default();
    let presented = validation.presented(body.token, body.continuation, body.code);
    let presented = validation.finish(presented)?;
    context.user_limits.count_change(current.user.id)?;
    rate_limit.count_in_session(client.ip)?;
    let end_others = body.end_other_sessions.unwrap_or(true);
    let user = users::confirm_email_change(&context, &current, presented, end_others, &client).await?;
    Ok(HttpResponse::Ok().json(UserBody::from(&user)))
}

/// A change of the address that is not confirmed yet.
#[derive(Serialize, ToSchema)]
pub struct PendingEmailChange {
    /// `null` if no change is requested.
    pending: Option<RequestedEmail>,
}

/// The address that a user requested.
#[derive(Serialize, ToSchema)]
pub struct RequestedEmail {
    /// Normalized e-mail address.
    email: String,
    /// Time at which the link expires.
    expires_at: DateTime<Utc>,
}

/// Returns the requested change of the address.
#[utoipa::path(
    get, path = "/auth/email/pending", tag = "account",
    responses((status = 200, description = "The requested change, if there is one", body = PendingEmailChange)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn get_pending_email(
    context: web::Data<Context>,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    let proof = users::pending_email_change(&context, &current.user).await?;
    let requested =
        |proof: Proof| RequestedEmail { email: proof.email.to_string(), expires_at: proof.expires_at };
    Ok(HttpResponse::Ok().json(PendingEmailChange { pending: proof.map(requested) }))
}

/// Cancels the change of the address.
///
/// The link and the code become invalid. Without a requested change, nothing happens.
#[utoipa::path(
    delete, path = "/auth/email/pending", tag = "account",
    responses((status = 204, description = "No change is requested"), RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn cancel_email(
    context: web::Data<Context>,
    client: ClientInfo,
    current: CurrentSession,
) -> Result<HttpResponse, Problem> {
    context.user_limits.count_change(current.user.id)?;
    users::cancel_email_change(&context.operation(&client), current.user.id).await?;
    Ok(HttpResponse::NoContent().finish())
}
