use shared_claims::{Challenge, Code, Problem};

use crate::domain::proofs::ProofError;
use crate::domain::users::{EmailChangeError, EmailChangeRequestError};
use crate::http::errors::current_session_ended;
use crate::model::EndReason;

impl From<EmailChangeRequestError> for Problem {
    fn from(error: EmailChangeRequestError) -> Self {
        match error {
            EmailChangeRequestError::NotFresh(error) => error.into(),
            EmailChangeRequestError::Same => {
                Problem::new(Code::InvalidInput).field("email", "is your address already")
            }
            EmailChangeRequestError::Request(error) => error.into(),
        }
    }
}

impl From<EmailChangeError> for Problem {
    fn from(error: EmailChangeError) -> Self {
        match error {
            // The session was valid, so the challenge has no error.
            EmailChangeError::Proof(error @ ProofError::WrongCode { .. }) => {
                Problem::from(error).challenge(Challenge::NoToken)
            }
            EmailChangeError::Proof(error) => error.into(),
            EmailChangeError::EmailTaken => Problem::new(Code::EmailTaken),
            EmailChangeError::UserDeleted => current_session_ended(EndReason::UserDeleted),
            EmailChangeError::Store(error) => error.into(),
        }
    }
}
