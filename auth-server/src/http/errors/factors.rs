use secrecy::ExposeSecret;
use shared_claims::{Code, Problem};

use crate::domain::factors::{AnswerError, Challenge, ChallengeKind, Rejection};
use crate::domain::proofs::ProofError;
use crate::domain::sessions::{FactorError, NotAdmitted, PasskeyLoginError};
use crate::domain::users::enrolment::EnrolmentError;
use crate::domain::users::factors::FactorChangeError;
use crate::domain::users::factors::apps::MAX_APPS;
use crate::domain::users::factors::passkeys::MAX_PASSKEYS;
use crate::http::errors::unknown_audience;
use crate::model::FactorMethod;

impl From<NotAdmitted> for Problem {
    fn from(error: NotAdmitted) -> Self {
        match error {
            NotAdmitted::Challenged(challenge) => challenged(&challenge),
            NotAdmitted::Signing(error) => error.into(),
        }
    }
}

impl From<FactorError> for Problem {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::ChallengeExpired => Problem::new(Code::ChallengeExpired),
            FactorError::Rejected(error) => error.into(),
            FactorError::Answer(error) => error.into(),
            FactorError::UnknownAudience => unknown_audience(),
            FactorError::NotAdmitted(error) => error.into(),
            FactorError::Store(error) => error.into(),
        }
    }
}

impl From<Rejection> for Problem {
    fn from(error: Rejection) -> Self {
        match error {
            Rejection::Wrong => wrong_code(),
            Rejection::TooMany(error) => error.into(),
            Rejection::Locked => Problem::new(Code::InvalidCode).detail(
                "Codes of authenticator apps are locked after too many wrong ones: use another method.",
            ),
            Rejection::InvalidPasskey => invalid_passkey(),
            Rejection::UnknownPasskey => unknown_passkey(),
        }
    }
}

impl From<AnswerError> for Problem {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::QueueFull(error) => error.into(),
            AnswerError::Store(error) => error.into(),
        }
    }
}

impl From<EnrolmentError> for Problem {
    fn from(error: EnrolmentError) -> Self {
        match error {
            EnrolmentError::Factor(error) => error.into(),
            EnrolmentError::Change(FactorChangeError::NoSuchFactor)
            | EnrolmentError::Proof(ProofError::Invalid(_)) => Problem::new(Code::ChallengeExpired),
            EnrolmentError::Change(error) => error.into(),
            EnrolmentError::MailedCodeRequired => Problem::new(Code::EmailCodeRequired)
                .detail("Enter the code that was sent to the e-mail address of this account."),
            EnrolmentError::Request(error) => error.into(),
            EnrolmentError::Proof(error) => error.into(),
            EnrolmentError::NotAdmitted(error) => error.into(),
            EnrolmentError::Store(error) => error.into(),
        }
    }
}

impl From<FactorChangeError> for Problem {
    fn from(error: FactorChangeError) -> Self {
        match error {
            FactorChangeError::NotFresh(error) => error.into(),
            FactorChangeError::Off | FactorChangeError::NoSuchFactor => Problem::new(Code::NotFound),
            FactorChangeError::EmailUnverified => Problem::new(Code::EmailUnverified)
                .detail("Verify the e-mail address first: a password reset by mail must find the second factor in place."),
            FactorChangeError::TooMany => Problem::new(Code::InvalidInput)
                .detail(format!("A user has at most {MAX_APPS} authenticator apps: remove one first.")),
            FactorChangeError::TooManyPasskeys => Problem::new(Code::InvalidInput)
                .detail(format!("A user has at most {MAX_PASSKEYS} passkeys: remove one first.")),
            FactorChangeError::PasskeyTaken => {
                Problem::new(Code::InvalidInput).field("credential", "is registered already")
            }
            FactorChangeError::InvalidPasskey(error) => {
                log::info!("rejected a new passkey: {error}");
                Problem::new(Code::InvalidInput).field("credential", error.to_string())
            }
            FactorChangeError::WrongCode => wrong_code(),
            FactorChangeError::FactorRequired => Problem::new(Code::FactorRequired),
            FactorChangeError::UserChanged => {
                log::info!("{error}");
                Problem::new(Code::Unavailable).detail("The user was changed during the request: try again.")
            }
            FactorChangeError::QueueFull(error) => error.into(),
            FactorChangeError::Store(error) => error.into(),
        }
    }
}

fn challenged(challenge: &Challenge) -> Problem {
    let problem = match challenge.kind {
        ChallengeKind::Factor => {
            let methods = challenge.methods.iter().copied().map(FactorMethod::as_str);
            Problem::new(Code::MfaRequired)
                .methods(methods)
                .passkey_options(challenge.passkey_options.clone())
        }
        ChallengeKind::Enrolment | ChallengeKind::EnrolmentWithMailedCode => {
            Problem::new(Code::MfaEnrolmentRequired)
        }
    };
    problem.login_challenge(challenge.value.expose_secret(), challenge.expires_in.unsigned_abs())
}

impl From<PasskeyLoginError> for Problem {
    fn from(error: PasskeyLoginError) -> Self {
        match error {
            PasskeyLoginError::Off => Problem::new(Code::NotFound),
            PasskeyLoginError::Unknown => unknown_passkey(),
            PasskeyLoginError::Invalid => invalid_passkey(),
            PasskeyLoginError::UserUnavailable => Problem::new(Code::InvalidCredentials),
            // The handler asks for the code before.
            PasskeyLoginError::EmailUnverified(_) => Problem::new(Code::EmailCodeRequired),
            PasskeyLoginError::UnknownAudience => unknown_audience(),
            PasskeyLoginError::TooMany(error) => error.into(),
            PasskeyLoginError::NotAdmitted(error) => error.into(),
            PasskeyLoginError::Store(error) => error.into(),
        }
    }
}

fn unknown_passkey() -> Problem {
    Problem::new(Code::PasskeyUnknown)
}

fn invalid_passkey() -> Problem {
    Problem::new(Code::PasskeyInvalid).detail(
        "The passkey is not one of this user, or the request expired: ask for new options and try again.",
    )
}

fn wrong_code() -> Problem {
    Problem::new(Code::InvalidCode).detail("The code is wrong, was used before, or has expired.")
}
