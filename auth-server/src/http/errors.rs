//! One exhaustive `match` for each use case: many causes, few public codes. The causes go to the log.

use shared_claims::http::bearer::token_problem;
use shared_claims::{Challenge, Code, Problem};

use crate::domain::UnusableKey;
use crate::domain::accounts::RenameError;
use crate::domain::authentication::AuthenticationError;
use crate::domain::login::LoginError;
use crate::domain::refresh::RefreshError;
use crate::domain::registration::RegistrationError;
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
        | StoreError::Overdue
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
        AuthenticationError::Store(error) => store_problem(&error),
    }
}

/// The problem of a login.
pub fn login_problem(error: LoginError) -> Problem {
    match error {
        LoginError::InvalidCredentials => Problem::new(Code::InvalidCredentials),
        LoginError::RecordChanged => {
            log::info!("{error}");
            Problem::new(Code::Unavailable).detail("The account changed at this very moment: try again.")
        }
        LoginError::UnknownAudience => unknown_audience(),
        LoginError::Busy(error) => busy(&error),
        LoginError::Store(error) => store_problem(&error),
        LoginError::Signing(error) => no_key(&error),
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
        RegistrationError::Busy(error) => busy(&error),
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
        RefreshError::Unsettled => {
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
