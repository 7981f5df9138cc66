//! Problems of single operations. `openapi.rs` adds those of whole kinds of operations.

#![expect(dead_code, reason = "only describes responses")]

use shared_claims::http::problem::{MEDIA_TYPE, ProblemBody};
use utoipa::IntoResponses;

/// `registration_closed`: only operators can create users
#[derive(IntoResponses)]
#[response(status = 403, content_type = MEDIA_TYPE)]
pub struct RegistrationClosed(ProblemBody);

/// `email_taken`: a user with this e-mail address exists
#[derive(IntoResponses)]
#[response(status = 409, content_type = MEDIA_TYPE)]
pub struct AddressTaken(ProblemBody);

/// `link_invalid`: unknown, used, void, expired or forged
#[derive(IntoResponses)]
#[response(status = 410, content_type = MEDIA_TYPE)]
pub struct LinkInvalid(ProblemBody);

#[derive(IntoResponses)]
pub enum CodeProblems {
    /// `invalid_code`: the code is wrong or has expired; with `attempts_left`
    #[response(status = 401, content_type = MEDIA_TYPE)]
    InvalidCode(ProblemBody),
    /// `link_invalid`: the link or the request of the code is unknown, used, void, expired or forged
    #[response(status = 410, content_type = MEDIA_TYPE)]
    LinkInvalid(ProblemBody),
}

#[derive(IntoResponses)]
pub enum ConfirmationProblems {
    /// `invalid_code`: the code is wrong or has expired; with `attempts_left`. `invalid_credentials`: wrong password
    #[response(status = 401, content_type = MEDIA_TYPE)]
    Wrong(ProblemBody),
    /// `link_invalid`: the link or the request of the code is unknown, used, void, expired or forged, or of another user
    #[response(status = 410, content_type = MEDIA_TYPE)]
    LinkInvalid(ProblemBody),
}

/// `email_code_required`: the address must be verified first; with `continuation` and `expires_in`
#[derive(IntoResponses)]
#[response(status = 401, content_type = MEDIA_TYPE)]
pub struct EmailCodeRequired(ProblemBody);

#[derive(IntoResponses)]
pub enum LoginProblems {
    /// `invalid_credentials`: wrong or expired password, or unknown or disabled user. `email_code_required`: the address must be
    /// verified first; with `continuation` and `expires_in`. `mfa_required`: a second factor completes the login; with `challenge`,
    /// `expires_in` and `methods`. `mfa_enrolment_required`: the user must set one up; with `challenge` and `expires_in`
    #[response(status = 401, content_type = MEDIA_TYPE)]
    NotLoggedIn(ProblemBody),
    /// `too_many_requests`: too many attempts from this address, wrong passwords, logins or changes by this user, or mails
    #[response(status = 429, content_type = MEDIA_TYPE)]
    TooManyRequests(ProblemBody),
}

#[derive(IntoResponses)]
pub enum SecondFactorProblems {
    /// `invalid_code`: wrong, used or expired. `passkey_invalid`, `passkey_unknown`: not one of this user. `challenge_expired`:
    /// unknown, used or expired, too many answers, or the user has changed: log in again
    #[response(status = 401, content_type = MEDIA_TYPE)]
    NotLoggedIn(ProblemBody),
    /// `too_many_requests`: too many attempts from this address, or wrong codes of this user
    #[response(status = 429, content_type = MEDIA_TYPE)]
    TooManyRequests(ProblemBody),
}

#[derive(IntoResponses)]
pub enum PasskeyLoginProblems {
    /// `passkey_unknown`: no user has it. `passkey_invalid`: not for this request, used, expired or forged.
    /// `invalid_credentials`: disabled user. `email_code_required`: the address must be verified first; with `continuation` and
    /// `expires_in`
    #[response(status = 401, content_type = MEDIA_TYPE)]
    NotLoggedIn(ProblemBody),
    /// `too_many_requests`: too many attempts from this address, or logins of this user
    #[response(status = 429, content_type = MEDIA_TYPE)]
    TooManyRequests(ProblemBody),
}

/// `invalid_code`: wrong or expired
#[derive(IntoResponses)]
#[response(status = 401, content_type = MEDIA_TYPE)]
pub struct EnrolmentCodeProblems(ProblemBody);

/// `factor_required`: there is no factor to turn on, or the last one must remain
#[derive(IntoResponses)]
#[response(status = 409, content_type = MEDIA_TYPE)]
pub struct FactorRequired(ProblemBody);

/// `own_account`: you are the user
#[derive(IntoResponses)]
#[response(status = 409, content_type = MEDIA_TYPE)]
pub struct OwnAccount(ProblemBody);

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

/// `fresh_login_required`: the user last proved who they are more than `max_age` seconds ago. `stronger_login_required`: the user
/// has a second factor, and this session does not. `email_unverified`: the address must be verified first, where mail is on
#[derive(IntoResponses)]
#[response(status = 403, content_type = MEDIA_TYPE)]
pub struct NewFactorForbidden(ProblemBody);

/// `fresh_login_required`: the user last proved who they are more than `max_age` seconds ago. `stronger_login_required`: the user
/// has a second factor, and this session does not
#[derive(IntoResponses)]
#[response(status = 403, content_type = MEDIA_TYPE)]
pub struct FreshLoginRequired(ProblemBody);

/// `last_administrator`: no enabled administrator would remain
#[derive(IntoResponses)]
#[response(status = 409, content_type = MEDIA_TYPE)]
pub struct LastAdministrator(ProblemBody);

/// `last_administrator`: no enabled administrator would remain; `own_account`: you are the user
#[derive(IntoResponses)]
#[response(status = 409, content_type = MEDIA_TYPE)]
pub struct UserRemains(ProblemBody);

/// `user_disabled`: the link would not work
#[derive(IntoResponses)]
#[response(status = 409, content_type = MEDIA_TYPE)]
pub struct UserDisabled(ProblemBody);

/// `key_conflict`: the signing keys do not allow this; `detail` has the reason
#[derive(IntoResponses)]
#[response(status = 409, content_type = MEDIA_TYPE)]
pub struct KeyConflict(ProblemBody);

/// `last_administrator`: no enabled administrator would remain; `email_taken`: another user has the address
#[derive(IntoResponses)]
#[response(status = 409, content_type = MEDIA_TYPE)]
pub struct ChangeConflicts(ProblemBody);

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
