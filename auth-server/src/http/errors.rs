//! Maps the errors of each use case to problems, in one exhaustive `match` each: many causes, few public codes. What the
//! caller must not see goes to the log.

use shared_claims::http::bearer::token_problem;
use shared_claims::{Challenge, Code, Problem, TokenError};

use crate::domain::keys::UnusableKey;
use crate::domain::passwords::change::PasswordChangeError;
use crate::domain::passwords::verification::PasswordError;
use crate::domain::passwords::{QueueFull, TooManyFailures, WeakPassword};
use crate::domain::sessions::authentication::AuthenticationError;
use crate::domain::sessions::login::LoginError;
use crate::domain::sessions::reauthentication::ReauthenticationError;
use crate::domain::sessions::refresh::RefreshError;
use crate::domain::users::admin::AdministrationError;
use crate::domain::users::last_admin::LastAdministrator;
use crate::domain::users::profile::{DeletionError, FRESH, RenameError};
use crate::domain::users::registration::RegistrationError;
use crate::model::EndReason;
use crate::store::StoreError;

/// A failure of the database says nothing about a token: the client can retry.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        log::error!("{error}");
        match error {
            StoreError::NoConnection(_)
            | StoreError::Query(_)
            | StoreError::Standby
            | StoreError::Timeout
            | StoreError::Cancelled => Problem::new(Code::Unavailable).detail("The database is unavailable."),
            StoreError::Taken(_) | StoreError::Impossible(_) => Problem::new(Code::InternalError),
        }
    }
}

impl From<AuthenticationError> for Problem {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::SessionEnded(reason) => session_gone(reason),
            AuthenticationError::InvalidToken(error) => {
                log::debug!("rejected a refresh token: {error}");
                token_problem(&error)
            }
            AuthenticationError::SpentToken => Problem::new(Code::TokenStale)
                .detail("The refresh token has been rotated: refresh with the Idempotency-Key of the lost response.")
                .challenge(Challenge::InvalidToken),
            AuthenticationError::StaleToken => token_problem(&TokenError::Stale),
            AuthenticationError::Conflict => Problem::new(Code::Unavailable),
            AuthenticationError::Store(error) => error.into(),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Password(error) => error.into(),
            LoginError::UnknownAudience => unknown_audience(),
            LoginError::Store(error) => error.into(),
            LoginError::Signing(error) => error.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Wrong => Problem::new(Code::InvalidCredentials),
            PasswordError::RecordChanged => {
                log::info!("{error}");
                Problem::new(Code::Unavailable)
                    .detail("The user was changed while the password was checked: try again.")
            }
            PasswordError::TooManyFailures(TooManyFailures { wait }) => Problem::new(Code::TooManyRequests)
                .detail("Too many wrong passwords.")
                .retry_after(wait.as_secs()),
            PasswordError::QueueFull(error) => error.into(),
            PasswordError::Store(error) => error.into(),
        }
    }
}

impl From<RegistrationError> for Problem {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::Closed => Problem::new(Code::RegistrationClosed),
            RegistrationError::WeakPassword(weak) => weak_password("password", &weak),
            RegistrationError::EmailTaken => Problem::new(Code::EmailTaken),
            RegistrationError::UsernameTaken => username_taken(),
            RegistrationError::UnknownAudience => unknown_audience(),
            RegistrationError::QueueFull(error) => error.into(),
            RegistrationError::Store(error) => error.into(),
            RegistrationError::Signing(error) => error.into(),
        }
    }
}

/// Only `session_ended` and `missing_token` tell the client to log in again.
impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::SessionEnded(reason) => session_ended(reason),
            RefreshError::WrongDelivery => Problem::new(Code::MalformedRequest)
                .detail("The session's token_delivery requires the refresh token in another place."),
            RefreshError::UnknownAudience => unknown_audience(),
            RefreshError::Conflict => {
                log::warn!("{error}");
                Problem::new(Code::Unavailable)
            }
            RefreshError::Store(error) => error.into(),
            RefreshError::Signing(error) => error.into(),
        }
    }
}

impl From<RenameError> for Problem {
    fn from(error: RenameError) -> Self {
        match error {
            RenameError::UsernameTaken => username_taken(),
            RenameError::Gone => session_gone(EndReason::UserDeleted),
            RenameError::Store(error) => error.into(),
        }
    }
}

impl From<DeletionError> for Problem {
    fn from(error: DeletionError) -> Self {
        match error {
            DeletionError::NotFresh => Problem::new(Code::FreshLoginRequired)
                .challenge(Challenge::FreshLogin { max_age: FRESH.num_seconds().unsigned_abs() }),
            DeletionError::LastAdministrator(error) => error.into(),
            DeletionError::Gone => session_gone(EndReason::UserDeleted),
            DeletionError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordChangeError> for Problem {
    fn from(error: PasswordChangeError) -> Self {
        match error {
            PasswordChangeError::Password(error) => with_challenge(error),
            PasswordChangeError::Weak(weak) => weak_password("new_password", &weak),
            PasswordChangeError::Same => Problem::new(Code::InvalidInput)
                .field("new_password", "must differ from the current password"),
            PasswordChangeError::SessionEnded => session_gone(EndReason::Unknown),
            PasswordChangeError::Store(error) => error.into(),
        }
    }
}

impl From<ReauthenticationError> for Problem {
    fn from(error: ReauthenticationError) -> Self {
        match error {
            ReauthenticationError::Password(error) => with_challenge(error),
            ReauthenticationError::SessionEnded => session_gone(EndReason::Unknown),
            ReauthenticationError::UnknownAudience => unknown_audience(),
            ReauthenticationError::Store(error) => error.into(),
            ReauthenticationError::Signing(error) => error.into(),
        }
    }
}

impl From<AdministrationError> for Problem {
    fn from(error: AdministrationError) -> Self {
        match error {
            AdministrationError::NoSuchPerson => Problem::new(Code::NotFound),
            AdministrationError::NotAdministrator => role_required(),
            AdministrationError::LastAdministrator(error) => error.into(),
            AdministrationError::Store(error) => error.into(),
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

pub fn role_required() -> Problem {
    Problem::new(Code::RoleRequired)
        .detail("The role admin is needed.")
        .challenge(Challenge::InsufficientScope)
}

/// The same for calls that require a session: all their 401 have a challenge (RFC 9110 §15.5.2).
fn session_gone(reason: EndReason) -> Problem {
    session_ended(reason).challenge(Challenge::InvalidToken)
}

/// A wrong password in a call that requires a session. The token was valid, so the challenge has no error.
fn with_challenge(error: PasswordError) -> Problem {
    match error {
        PasswordError::Wrong => Problem::from(error).challenge(Challenge::NoToken),
        PasswordError::RecordChanged
        | PasswordError::TooManyFailures(_)
        | PasswordError::QueueFull(_)
        | PasswordError::Store(_) => error.into(),
    }
}

fn weak_password(member: &str, weak: &WeakPassword) -> Problem {
    Problem::new(Code::InvalidInput).field(member, weak.to_string())
}

fn unknown_audience() -> Problem {
    Problem::new(Code::InvalidInput).field("audience", "is not an audience of this server")
}

fn username_taken() -> Problem {
    Problem::new(Code::InvalidInput).field("username", "is taken")
}
