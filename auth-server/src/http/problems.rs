//! Problems of single operations. `openapi.rs` adds those of whole kinds of operations.

#![expect(dead_code, reason = "only describes responses")]

use shared_claims::http::problem::{MEDIA_TYPE, ProblemBody};
use utoipa::IntoResponses;

#[derive(IntoResponses)]
pub enum RegistrationProblems {
    /// `registration_closed`: only operators can create users
    #[response(status = 403, content_type = MEDIA_TYPE)]
    Closed(ProblemBody),
    /// `email_taken`: a user with this e-mail address exists
    #[response(status = 409, content_type = MEDIA_TYPE)]
    EmailTaken(ProblemBody),
}

#[derive(IntoResponses)]
pub enum PasswordProblems {
    /// `invalid_credentials`: wrong or expired password, or unknown or disabled user
    #[response(status = 401, content_type = MEDIA_TYPE)]
    InvalidCredentials(ProblemBody),
    /// `too_many_requests`: too many attempts from this address, wrong passwords, or logins or changes by this user
    #[response(status = 429, content_type = MEDIA_TYPE)]
    TooManyRequests(ProblemBody),
}

/// `too_many_requests`: too many attempts from this address, or changes by this user
#[derive(IntoResponses)]
#[response(status = 429, content_type = MEDIA_TYPE)]
pub struct RateLimited(ProblemBody);

/// `password_change_required`: an operator set the password; send the login again with `new_password`
#[derive(IntoResponses)]
#[response(status = 403, content_type = MEDIA_TYPE)]
pub struct PasswordChangeRequired(ProblemBody);

#[derive(IntoResponses)]
pub enum RefreshProblems {
    /// `malformed_request`: invalid JSON, two tokens, an invalid `Idempotency-Key`, or another place for the token than `token_delivery` requires
    #[response(status = 400, content_type = MEDIA_TYPE)]
    Malformed(ProblemBody),
    /// `missing_token`, `session_ended` with `reason`: log in again
    #[response(status = 401, content_type = MEDIA_TYPE)]
    LoginRequired(ProblemBody),
}

/// `malformed_request`: invalid JSON, two tokens, an invalid `Idempotency-Key`, or another place for the token than `token_delivery` requires
#[derive(IntoResponses)]
#[response(status = 400, content_type = MEDIA_TYPE)]
pub struct MalformedRotation(ProblemBody);

/// `fresh_login_required`: the password was last verified more than `max_age` seconds ago
#[derive(IntoResponses)]
#[response(status = 403, content_type = MEDIA_TYPE)]
pub struct FreshLoginRequired(ProblemBody);

/// `last_administrator`: no enabled administrator would remain
#[derive(IntoResponses)]
#[response(status = 409, content_type = MEDIA_TYPE)]
pub struct LastAdministrator(ProblemBody);

/// `unavailable`: `fields` names the parts that fail
#[derive(IntoResponses)]
#[response(status = 503, content_type = MEDIA_TYPE)]
pub struct NotReady(ProblemBody);

#[derive(IntoResponses)]
pub enum FeedProblems {
    /// `missing_token`, `invalid_token`: the request has no valid `REVOCATION_FEED_TOKEN`
    #[response(status = 401, content_type = MEDIA_TYPE)]
    InvalidToken(ProblemBody),
    /// `not_found`: the server has no `REVOCATION_FEED_TOKEN`
    #[response(status = 404, content_type = MEDIA_TYPE)]
    NotFound(ProblemBody),
}
