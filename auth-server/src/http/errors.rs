//! One exhaustive `match` for each use case: many causes, few public codes. The causes go to the log.

use shared_claims::http::bearer::token_problem;
use shared_claims::{Challenge, Code, Problem};

use crate::domain::keys::UnusableKey;
use crate::domain::passwords::TooManyFailures;
use crate::domain::passwords::change::PasswordChangeError;
use crate::domain::passwords::verification::PasswordError;
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

/// `session_ended`, with the reason.
pub fn session_ended(reason: EndReason) -> Problem {
    Problem::new(Code::SessionEnded).reason(reason.as_str()).detail("The session has ended: log in again.")
}

/// A database error is never a verdict on a token: whoever asked is to ask again.
pub fn store_problem(error: &StoreError) -> Problem {
    match error {
        StoreError::NoConnection(_)
        | StoreError::Query(_)
        | StoreError::Standby
        | StoreError::Timeout
        | StoreError::Cancelled => {
            log::error!("{error}");
            Problem::new(Code::Unavailable).detail("The database does not answer.")
        }
        StoreError::Taken(_) | StoreError::Impossible(_) => internal(error),
    }
}

/// The problem of a call that is made with a session.
pub fn with_challenge(error: AuthenticationError) -> Problem {
    match error {
        AuthenticationError::SessionEnded(reason) => session_ended(reason).challenge(Challenge::InvalidToken),
        AuthenticationError::InvalidToken(error) => {
            log::debug!("token refused: {error}");
            token_problem(&error)
        }
        AuthenticationError::SpentToken => Problem::new(Code::TokenStale)
            .detail("The refresh token is spent: refresh first, with the Idempotency-Key of the lost answer.")
            .challenge(Challenge::InvalidToken),
        AuthenticationError::StaleToken => Problem::new(Code::TokenStale)
            .detail("The token is older than the last change of roles, password or status: refresh it.")
            .challenge(Challenge::InvalidToken),
        AuthenticationError::Conflict => Problem::new(Code::Unavailable),
        AuthenticationError::Store(error) => store_problem(&error),
    }
}

/// The problem of a login.
pub fn login_problem(error: LoginError) -> Problem {
    match error {
        LoginError::Password(error) => password_problem(&error),
        LoginError::UnknownAudience => unknown_audience(),
        LoginError::Store(error) => store_problem(&error),
        LoginError::Signing(error) => no_key(&error),
    }
}

/// The problem of a password that proved nothing.
pub fn password_problem(error: &PasswordError) -> Problem {
    match error {
        PasswordError::Wrong => Problem::new(Code::InvalidCredentials),
        PasswordError::RecordChanged => {
            log::info!("{error}");
            Problem::new(Code::Unavailable).detail("The account changed at this very moment: try again.")
        }
        PasswordError::TooManyFailures(TooManyFailures { wait }) => Problem::new(Code::TooManyRequests)
            .detail("Too many wrong passwords.")
            .retry_after(wait.as_secs()),
        PasswordError::QueueFull(error) => busy(error),
        PasswordError::Store(error) => store_problem(error),
    }
}

/// The problem of a registration.
pub fn registration_problem(error: RegistrationError) -> Problem {
    match error {
        RegistrationError::Closed => Problem::new(Code::RegistrationClosed),
        RegistrationError::WeakPassword(weak) => {
            Problem::new(Code::InvalidInput).field("password", weak.to_string())
        }
        RegistrationError::EmailTaken => Problem::new(Code::EmailTaken),
        RegistrationError::UsernameTaken => username_taken(),
        RegistrationError::UnknownAudience => unknown_audience(),
        RegistrationError::QueueFull(error) => busy(&error),
        RegistrationError::Store(error) => store_problem(&error),
        RegistrationError::Signing(error) => no_key(&error),
    }
}

/// The problem of a refresh. Only `session_ended` means "log in again".
pub fn refresh_problem(error: RefreshError) -> Problem {
    match error {
        RefreshError::SessionEnded(reason) => session_ended(reason),
        RefreshError::WrongDelivery => Problem::new(Code::MalformedRequest)
            .detail("The refresh token came another way than its session's token_delivery says."),
        RefreshError::UnknownAudience => unknown_audience(),
        RefreshError::Conflict => {
            log::warn!("{error}");
            Problem::new(Code::Unavailable)
        }
        RefreshError::Store(error) => store_problem(&error),
        RefreshError::Signing(error) => no_key(&error),
    }
}

/// The problem of a change of names.
pub fn rename_problem(error: RenameError) -> Problem {
    match error {
        RenameError::UsernameTaken => username_taken(),
        RenameError::Gone => session_ended(EndReason::UserDeleted).challenge(Challenge::InvalidToken),
        RenameError::Store(error) => store_problem(&error),
    }
}

/// The problem of a deletion.
pub fn deletion_problem(error: DeletionError) -> Problem {
    match error {
        DeletionError::NotFresh => Problem::new(Code::FreshLoginRequired)
            .challenge(Challenge::FreshLogin { max_age: FRESH.num_seconds().unsigned_abs() }),
        DeletionError::LastAdministrator(error) => last_administrator(error),
        DeletionError::Gone => session_ended(EndReason::UserDeleted).challenge(Challenge::InvalidToken),
        DeletionError::Store(error) => store_problem(&error),
    }
}

/// The problem of a change of password.
pub fn password_change_problem(error: PasswordChangeError) -> Problem {
    match error {
        PasswordChangeError::Password(error) => wrong_password(&error),
        PasswordChangeError::Weak(weak) => {
            Problem::new(Code::InvalidInput).field("new_password", weak.to_string())
        }
        PasswordChangeError::Same => {
            Problem::new(Code::InvalidInput).field("new_password", "is the current one")
        }
        PasswordChangeError::SessionEnded => over(),
        PasswordChangeError::Store(error) => store_problem(&error),
    }
}

/// The problem of a reauthentication.
pub fn reauthentication_problem(error: ReauthenticationError) -> Problem {
    match error {
        ReauthenticationError::Password(error) => wrong_password(&error),
        ReauthenticationError::SessionEnded => over(),
        ReauthenticationError::UnknownAudience => unknown_audience(),
        ReauthenticationError::Store(error) => store_problem(&error),
        ReauthenticationError::Signing(error) => no_key(&error),
    }
}

/// The problem of what administrators do.
pub fn administration_problem(error: AdministrationError) -> Problem {
    match error {
        AdministrationError::NoSuchPerson => Problem::new(Code::NotFound),
        AdministrationError::NotAdministrator => role_required(),
        AdministrationError::LastAdministrator(error) => last_administrator(error),
        AdministrationError::Store(error) => store_problem(&error),
    }
}

/// The problem of a call that is for administrators alone.
pub fn role_required() -> Problem {
    Problem::new(Code::RoleRequired)
        .detail("The role admin is needed.")
        .challenge(Challenge::InsufficientScope)
}

/// The problem of a change that would leave nobody to administer.
pub fn last_administrator(error: LastAdministrator) -> Problem {
    log::info!("{error}");
    Problem::new(Code::LastAdministrator)
}

/// On a call that is made with a session, every 401 says which scheme it wants (RFC 9110 §15.5.2). The token was good.
fn wrong_password(error: &PasswordError) -> Problem {
    match error {
        PasswordError::Wrong => password_problem(error).challenge(Challenge::NoToken),
        _ => password_problem(error),
    }
}

/// The session ended while it was at work: the next call will tell why.
fn over() -> Problem {
    session_ended(EndReason::Unknown).challenge(Challenge::InvalidToken)
}

/// What was decided stands: whoever asks again, a refresh with its Idempotency-Key, gets the answer when there is a key.
fn no_key(error: &UnusableKey) -> Problem {
    log::error!("{error}");
    Problem::new(Code::Unavailable).detail("There is no key to sign with at present.")
}

fn unknown_audience() -> Problem {
    Problem::new(Code::InvalidInput).field("audience", "is not one that this server issues tokens for")
}

fn username_taken() -> Problem {
    Problem::new(Code::InvalidInput).field("username", "is taken")
}

fn busy(error: &impl std::fmt::Display) -> Problem {
    log::warn!("{error}");
    Problem::new(Code::Unavailable).detail("Too many people are logging in at this moment.")
}

fn internal(error: &impl std::fmt::Display) -> Problem {
    log::error!("{error}");
    Problem::new(Code::InternalError)
}
