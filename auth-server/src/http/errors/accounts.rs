//! Problems of new accounts, and of mailed links and codes.

use shared_claims::{Code, Problem};

use crate::domain::proofs::{ProofError, RequestError};
use crate::domain::users::creation::CreationError;
use crate::domain::users::invitations::InvitationError;
use crate::domain::users::{RegistrationError, ResetError, VerificationError};
use crate::http::errors::{email_unverified, new_password, unknown_audience, username_taken};

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Invalid(_) => {
                log::debug!("{error}");
                Problem::new(Code::LinkInvalid)
                    .detail("The link or code is unknown, used or expired, or a newer one replaced it.")
            }
            ProofError::WrongCode { attempts_left } => {
                Problem::new(Code::InvalidCode).attempts_left(attempts_left.unsigned_abs())
            }
            ProofError::WrongPassword => Problem::new(Code::InvalidCredentials),
            ProofError::TooManyFailures(error) => error.into(),
            ProofError::QueueFull(error) => error.into(),
            ProofError::Store(error) => error.into(),
        }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::TooMany(error) => Problem::new(Code::TooManyRequests)
                .detail("Too many mails to this address.")
                .retry_after(error.wait.as_secs()),
            RequestError::Store(error) => error.into(),
        }
    }
}

impl From<RegistrationError> for Problem {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::Closed => Problem::new(Code::RegistrationClosed),
            RegistrationError::Proof(error) => error.into(),
            RegistrationError::Request(error) => error.into(),
            RegistrationError::EmailUnverified(_) => email_unverified(),
            RegistrationError::Password(error) => new_password("password", error),
            RegistrationError::EmailTaken => Problem::new(Code::EmailTaken),
            RegistrationError::UsernameTaken => username_taken(),
            RegistrationError::UnknownAudience => unknown_audience(),
            RegistrationError::Store(error) => error.into(),
            RegistrationError::NotAdmitted(error) => error.into(),
        }
    }
}

impl From<CreationError> for Problem {
    fn from(error: CreationError) -> Self {
        match error {
            CreationError::Password(error) => new_password("password", error),
            CreationError::UsernameTaken => username_taken(),
            CreationError::Admin(error) => error.into(),
        }
    }
}

impl From<InvitationError> for Problem {
    fn from(error: InvitationError) -> Self {
        match error {
            InvitationError::EmailTaken => Problem::new(Code::EmailTaken),
            InvitationError::NoSuchInvitation => Problem::new(Code::NotFound),
            InvitationError::Admin(error) => error.into(),
            InvitationError::Store(error) => error.into(),
        }
    }
}

impl From<ResetError> for Problem {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::Proof(error) => error.into(),
            ResetError::New(error) => new_password("new_password", error),
            ResetError::Store(error) => error.into(),
        }
    }
}

impl From<VerificationError> for Problem {
    fn from(error: VerificationError) -> Self {
        match error {
            VerificationError::Proof(error) => error.into(),
            VerificationError::Password(error) => error.into(),
            VerificationError::Store(error) => error.into(),
        }
    }
}
