//! Maps the errors of each use case to problems, in one exhaustive `match` each: many causes, few public codes. What the
//! caller must not see goes to the log.

mod accounts;
mod email_change;
mod events;
mod factors;
mod keys;

pub use keys::shared_secret;
use shared_claims::http::bearer::token_problem;
use shared_claims::{Acr, Challenge, Code, Problem, TokenError};

use crate::domain::factors::Rejection;
use crate::domain::keys::UnusableKey;
use crate::domain::mail_delivery::RetryError;
use crate::domain::passwords::{NewPasswordError, QueueFull, TooManyFailures};
use crate::domain::sessions::sign_in_link::SignInLinkError;
use crate::domain::sessions::{
    AuthenticationError, EndError, LoginError, MAX_AUTH_AGE, NotFresh, PasswordError, ReauthenticationError,
    RotationError,
};
use crate::domain::user_limits::TooManyChanges;
use crate::domain::users::admin::{AdminError, LastAdministrator};
use crate::domain::users::{DeletionError, PasswordChangeError, RenameError};
use crate::model::{EndReason, FactorMethod};
use crate::store::StoreError;

/// A failure of the database says nothing about a token: the client can retry.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        log::error!("{error}");
        match error {
            StoreError::NoConnection(_)
            | StoreError::Query(_)
            | StoreError::Standby
            | StoreError::ReadOnly
            | StoreError::Timeout
            | StoreError::Cancelled
            | StoreError::Shared(_) => Problem::new(Code::Unavailable).detail("The database is unavailable."),
            StoreError::Taken(_) | StoreError::Impossible(_) => Problem::new(Code::InternalError),
        }
    }
}

impl From<AuthenticationError> for Problem {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::SessionEnded(reason) => current_session_ended(reason),
            AuthenticationError::InvalidToken(error) => {
                log::debug!("rejected a refresh token: {error}");
                token_problem(&error)
            }
            AuthenticationError::SupersededToken => Problem::new(Code::TokenStale)
                .detail("The refresh token has been rotated: refresh with the Idempotency-Key of the lost response.")
                .challenge(Challenge::InvalidToken),
            AuthenticationError::ReplacedToken => replaced(),
            AuthenticationError::StaleToken => token_problem(&TokenError::Stale),
            AuthenticationError::Delayed => delayed(),
            AuthenticationError::Store(error) => error.into(),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Password(error) => error.into(),
            LoginError::TooMany(error) => error.into(),
            LoginError::PasswordChangeRequired => Problem::new(Code::PasswordChangeRequired)
                .detail("An operator set this password: send the login again with new_password."),
            LoginError::NoPasswordChangeRequired => Problem::new(Code::InvalidInput)
                .field("new_password", "is accepted only after password_change_required"),
            LoginError::EmailUnverified(_) => email_unverified(),
            LoginError::NewPassword(error) => new_password("new_password", error),
            LoginError::SamePassword => same_password(),
            LoginError::UnknownAudience => unknown_audience(),
            LoginError::Store(error) => error.into(),
            LoginError::NotAdmitted(error) => error.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Wrong => Problem::new(Code::InvalidCredentials),
            PasswordError::UserChanged => {
                log::info!("{error}");
                Problem::new(Code::Unavailable)
                    .detail("The user was changed while the password was checked: try again.")
            }
            PasswordError::TooManyFailures(error) => error.into(),
            PasswordError::QueueFull(error) => error.into(),
            PasswordError::Store(error) => error.into(),
        }
    }
}

impl From<TooManyFailures> for Problem {
    fn from(error: TooManyFailures) -> Self {
        Problem::new(Code::TooManyRequests)
            .detail("Too many wrong passwords or codes.")
            .retry_after(error.wait.as_secs())
    }
}

impl From<SignInLinkError> for Problem {
    fn from(error: SignInLinkError) -> Self {
        match error {
            SignInLinkError::Invalid => Problem::new(Code::InvalidCredentials)
                .detail("The sign-in link has expired or was used before. Restart the server for a new one."),
            SignInLinkError::EmailUnverified(_) => email_unverified(),
            SignInLinkError::Store(error) => error.into(),
            SignInLinkError::NotAdmitted(error) => error.into(),
        }
    }
}

impl From<TooManyChanges> for Problem {
    fn from(error: TooManyChanges) -> Self {
        Problem::new(Code::TooManyRequests)
            .detail("Too many changes by this user.")
            .retry_after(error.wait.as_secs())
    }
}

/// Only `session_ended` and `missing_token` tell the client to log in again.
impl From<RotationError> for Problem {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::SessionEnded(reason) => session_ended(reason),
            RotationError::WrongDelivery => Problem::new(Code::MalformedRequest)
                .detail("The session's token_delivery requires the refresh token in another place."),
            RotationError::UnknownAudience => unknown_audience(),
            RotationError::FromTheFuture => {
                log::warn!("{error}: the clocks of the servers differ, or this one's was set back");
                Problem::new(Code::Unavailable).detail("The refresh token was issued in the future.")
            }
            RotationError::Replaced => replaced(),
            RotationError::Delayed => delayed(),
            RotationError::Conflict => {
                log::warn!("{error}");
                Problem::new(Code::Unavailable)
            }
            RotationError::Store(error) => error.into(),
            RotationError::Signing(error) => error.into(),
        }
    }
}

impl From<NotFresh> for Problem {
    fn from(error: NotFresh) -> Self {
        match error {
            NotFresh::TooOld => {
                Self::new(Code::FreshLoginRequired).challenge(Challenge::FreshLogin { max_age: max_age() })
            }
            NotFresh::TooWeak => stronger_login(),
        }
    }
}

/// For calls of a session without a second factor.
pub fn stronger_login() -> Problem {
    Problem::new(Code::StrongerLoginRequired)
        .challenge(Challenge::StrongerLogin { acr: Acr::Mfa, max_age: Some(max_age()) })
}

fn max_age() -> u64 {
    MAX_AUTH_AGE.num_seconds().unsigned_abs()
}

impl From<EndError> for Problem {
    fn from(error: EndError) -> Self {
        match error {
            EndError::NotFresh(error) => error.into(),
            EndError::Store(error) => error.into(),
        }
    }
}

impl From<RenameError> for Problem {
    fn from(error: RenameError) -> Self {
        match error {
            RenameError::UsernameTaken => username_taken(),
            RenameError::UserDeleted => current_session_ended(EndReason::UserDeleted),
            RenameError::NotFresh(error) => error.into(),
            RenameError::Store(error) => error.into(),
        }
    }
}

impl From<DeletionError> for Problem {
    fn from(error: DeletionError) -> Self {
        match error {
            DeletionError::NotFresh(error) => error.into(),
            DeletionError::LastAdministrator(error) => error.into(),
            DeletionError::UserDeleted => current_session_ended(EndReason::UserDeleted),
            DeletionError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordChangeError> for Problem {
    fn from(error: PasswordChangeError) -> Self {
        match error {
            PasswordChangeError::Current(error) => with_challenge(error),
            PasswordChangeError::New(error) => new_password("new_password", error),
            PasswordChangeError::Same => same_password(),
            PasswordChangeError::NotFresh(error) => error.into(),
            PasswordChangeError::Retry(error) => error.into(),
            PasswordChangeError::Rotation(error) => rotation_with_challenge(error),
            PasswordChangeError::Store(error) => error.into(),
        }
    }
}

impl From<ReauthenticationError> for Problem {
    fn from(error: ReauthenticationError) -> Self {
        match error {
            ReauthenticationError::Password(error) => with_challenge(error),
            ReauthenticationError::FactorRequired(methods) => stronger_login()
                .detail("The password is not enough: send a code of the second factor.")
                .methods(methods.into_iter().map(FactorMethod::as_str)),
            ReauthenticationError::Rejected(error @ Rejection::TooMany(_)) => error.into(),
            ReauthenticationError::Rejected(error) => Problem::from(error).challenge(Challenge::NoToken),
            ReauthenticationError::Answer(error) => error.into(),
            ReauthenticationError::Rotation(error) => rotation_with_challenge(error),
            ReauthenticationError::Store(error) => error.into(),
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NoSuchUser => Problem::new(Code::NotFound),
            AdminError::NotAdministrator(_) => role_required(),
            AdminError::EmailTaken => Problem::new(Code::EmailTaken),
            AdminError::UserDisabled => Problem::new(Code::UserDisabled),
            AdminError::OwnAccount => Problem::new(Code::OwnAccount),
            AdminError::LastAdministrator(error) => error.into(),
            AdminError::Store(error) => error.into(),
        }
    }
}

impl From<RetryError> for Problem {
    fn from(error: RetryError) -> Self {
        match error {
            RetryError::NotAdministrator(_) => role_required(),
            RetryError::Store(error) => error.into(),
        }
    }
}

impl From<LastAdministrator> for Problem {
    fn from(error: LastAdministrator) -> Self {
        log::info!("{error}");
        Problem::new(Code::LastAdministrator)
    }
}

/// A refresh that was already committed can be repeated with its Idempotency-Key once there is a key.
impl From<UnusableKey> for Problem {
    fn from(error: UnusableKey) -> Self {
        log::error!("{error}");
        Problem::new(Code::Unavailable).detail("No signing key is available.")
    }
}

impl From<QueueFull> for Problem {
    fn from(error: QueueFull) -> Self {
        log::warn!("{error}");
        Problem::new(Code::Unavailable).detail("Too many passwords are waiting to be checked.")
    }
}

pub fn session_ended(reason: EndReason) -> Problem {
    Problem::new(Code::SessionEnded).reason(reason.as_str()).detail("The session has ended: log in again.")
}

/// The session of a call that requires one. All 401 of such calls have a challenge (RFC 9110 §15.5.2).
fn current_session_ended(reason: EndReason) -> Problem {
    session_ended(reason).challenge(Challenge::InvalidToken)
}

/// The session of a call that requires one ended while the password was checked.
fn rotation_with_challenge(error: RotationError) -> Problem {
    match error {
        RotationError::SessionEnded(reason) => current_session_ended(reason),
        RotationError::WrongDelivery
        | RotationError::UnknownAudience
        | RotationError::FromTheFuture
        | RotationError::Replaced
        | RotationError::Delayed
        | RotationError::Conflict
        | RotationError::Store(_)
        | RotationError::Signing(_) => error.into(),
    }
}

/// The client has gone on meanwhile, and has a newer token.
fn delayed() -> Problem {
    Problem::new(Code::Unavailable)
        .detail("The session was rotated while this request waited: try again with the newest token.")
}

/// The client may not have received the new token yet. This must not log it out.
fn replaced() -> Problem {
    Problem::new(Code::Unavailable)
        .detail("A new password replaced the refresh token a moment ago: try again with the new token.")
}

pub fn role_required() -> Problem {
    Problem::new(Code::RoleRequired)
        .detail("The role admin is required.")
        .challenge(Challenge::InsufficientScope)
}

/// A wrong password in a call that requires a session. The token was valid, so the challenge has no error.
fn with_challenge(error: PasswordError) -> Problem {
    match error {
        PasswordError::Wrong => Problem::from(error).challenge(Challenge::NoToken),
        PasswordError::UserChanged
        | PasswordError::TooManyFailures(_)
        | PasswordError::QueueFull(_)
        | PasswordError::Store(_) => error.into(),
    }
}

fn new_password(member: &str, error: NewPasswordError) -> Problem {
    match error {
        NewPasswordError::Weak(weak) => Problem::new(Code::InvalidInput).field(member, weak.to_string()),
        NewPasswordError::QueueFull(error) => error.into(),
    }
}

/// Without a mail: handlers send one.
fn email_unverified() -> Problem {
    Problem::new(Code::EmailCodeRequired)
}

fn same_password() -> Problem {
    Problem::new(Code::InvalidInput).field("new_password", "must differ from the current password")
}

fn unknown_audience() -> Problem {
    Problem::new(Code::InvalidInput).field("audience", "is not an audience of this server")
}

fn username_taken() -> Problem {
    Problem::new(Code::InvalidInput).field("username", "is taken")
}
