//! The second half of a login: an answer to the challenge starts the session.

use secrecy::SecretString;
use webauthn::Purpose;

use crate::domain::context::Context;
use crate::domain::factors::{
    Answer, AnswerError, ChallengeKind, OpenChallenge, RecoveryCodes, Rejection, Verdict,
};
use crate::domain::operation::Transaction;
use crate::domain::sessions::new_device;
use crate::domain::sessions::new_session::{Admission, NewSession, NotAdmitted, PreparedSession};
use crate::domain::tokens::IssuedTokens;
use crate::model::{ClientInfo, EventType, FactorMethod, User, UserId};
use crate::store::{AnyConnection, StoreError, recovery_codes, users};

#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// Unknown, used or expired, too many answers, or the user has changed. The login begins anew.
    #[error("the challenge is not open")]
    ChallengeExpired,
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The tokens of a login with a second factor.
pub struct CompletedLogin {
    pub issued: IssuedTokens,
    /// If a recovery code was used.
    pub recovery_codes_left: Option<i64>,
    /// The first ones of a user who was imported with an app.
    pub recovery_codes: Option<RecoveryCodes>,
}

/// Answers a challenge, and starts the session.
pub async fn complete_login(
    context: &Context,
    challenge: &SecretString,
    answer: Answer,
    new_session: NewSession,
) -> Result<CompletedLogin, FactorError> {
    let method = answer.method();
    let outcome = start_session(context, challenge, answer, new_session).await;
    context
        .metrics
        .count_second_factor(method, outcome.as_ref().err().map_or("succeeded", FactorError::metric_label));
    outcome
}

async fn start_session(
    context: &Context,
    challenge: &SecretString,
    answer: Answer,
    new_session: NewSession,
) -> Result<CompletedLogin, FactorError> {
    let audience = new_session.audience.clone();
    let audience = context.policy.audience(audience.as_deref()).ok_or(FactorError::UnknownAudience)?;
    let challenge = OpenChallenge::find(context, challenge).await?;
    let challenge = challenge.filter(|challenge| challenge.kind == ChallengeKind::Factor);
    let challenge = challenge.ok_or(FactorError::ChallengeExpired)?;
    let (method, amr) = (answer.method(), answer.added_to(challenge.amr.clone()));
    let prepared =
        answer.prepare(context, challenge.user.id, Purpose::SecondFactor, challenge.binding()).await?;
    let client = new_session.client.clone();
    let device_is_known = device_is_known(context, &challenge.user, &client).await?;
    let codes = if prepared.can_be_correct() {
        RecoveryCodes::first(context, challenge.user.id).await?
    } else {
        None
    };
    let operation = context.operation(&client);
    let session = new_session.prepare(context, challenge.user.id, amr, device_is_known, operation.now);
    let answered = operation.transaction(move |tx| {
        if !challenge.count_attempt(tx)? {
            return Err(FactorError::ChallengeExpired);
        }
        match prepared.prove(tx, challenge.user.id)? {
            Verdict::Correct => {
                if let Some(codes) = &codes {
                    codes.store(tx, challenge.user.id)?;
                }
                let (admission, user) = complete(tx, &challenge, session, device_is_known)?;
                Ok(Ok((admission, user, codes)))
            }
            // Nothing was checked, so this attempt does not count either.
            Verdict::Rejected(error @ Rejection::TooMany(_)) => Err(error.into()),
            // Committed: the failure is counted.
            Verdict::Rejected(error) => Ok(Err(FactorError::from(error))),
        }
    });
    let (admission, user, recovery_codes) = answered.await??;
    let recovery_codes_left = match method {
        FactorMethod::RecoveryCode => Some(codes_left(context, user.id).await?),
        FactorMethod::Totp | FactorMethod::Passkey => None,
    };
    let issued = admission.issue(context, user, audience)?;
    Ok(CompletedLogin { issued, recovery_codes_left, recovery_codes })
}

/// Starts the session of a challenge whose last factor is proved. The transaction has locked the user's row.
pub fn complete(
    tx: &mut Transaction<'_>,
    challenge: &OpenChallenge,
    session: PreparedSession,
    device_is_known: bool,
) -> Result<(Admission, User), FactorError> {
    let user = &challenge.user;
    if !challenge.consume(tx)? {
        return Err(FactorError::ChallengeExpired);
    }
    new_device::notify(tx, user, device_is_known)?;
    users::record_login(tx.connection, user.id, user.version, None, tx.now)?;
    Ok((session.admit(tx, user, EventType::LoginSucceeded)?, user.clone()))
}

/// Whether an earlier login of this user set the device token that the client sent.
pub async fn device_is_known(
    context: &Context,
    user: &User,
    client: &ClientInfo,
) -> Result<bool, StoreError> {
    let (attempt, id) = (context.throttle.attempt(user.email.as_str(), client), user.id);
    context.database.run(move |connection| attempt.is_on_known_device(connection, Some(id))).await
}

async fn codes_left(context: &Context, user: UserId) -> Result<i64, StoreError> {
    context.database.run(move |connection: &mut AnyConnection| recovery_codes::left(connection, user)).await
}

impl FactorError {
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::ChallengeExpired => "expired",
            Self::Rejected(error) => error.metric_label(),
            Self::Answer(error) => error.metric_label(),
            Self::UnknownAudience => "malformed",
            Self::NotAdmitted(_) | Self::Store(_) => "unavailable",
        }
    }
}
