//! Reauthentication: a logged-in user proves again who they are, for calls that require a recent or a stronger login.

use secrecy::SecretString;
use serde_json::Value;
use webauthn::Purpose;

use crate::domain::context::Context;
use crate::domain::factors::{self, Answer, AnswerError, Rejection, Verdict};
use crate::domain::sessions::authentication::CurrentSession;
use crate::domain::sessions::rotation::{Presentation, Rotation, RotationError};
use crate::domain::sessions::verification::{self, Credentials, PasswordError};
use crate::domain::tokens::IssuedTokens;
use crate::model::{ClientInfo, EventType, FactorMethod, Session};
use crate::store::passkeys::{self, Passkey};
use crate::store::{AnyConnection, StoreError, users};

#[derive(Debug, thiserror::Error)]
pub enum ReauthenticationError {
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The password is not enough: the user has turned on a second factor.
    #[error("a second factor is required")]
    FactorRequired(Vec<FactorMethod>),
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error(transparent)]
    Rotation(#[from] RotationError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the user proves it with.
pub enum Proof {
    Password(SecretString),
    Factor(Answer),
}

/// Verifies the proof and rotates the session. Only the new tokens have the new `auth_time` and `amr`, so that a copy of the old
/// refresh token gains nothing.
pub async fn reauthenticate(
    context: &Context,
    current: CurrentSession,
    presentation: Presentation,
    proof: Proof,
    audience: Option<&str>,
    client: &ClientInfo,
) -> Result<IssuedTokens, ReauthenticationError> {
    let audience = context.policy.audience(audience).ok_or(RotationError::UnknownAudience)?;
    match proof {
        Proof::Password(password) => {
            with_password(context, current, presentation, password, audience, client).await
        }
        Proof::Factor(answer) => {
            let method = answer.method();
            let outcome = with_factor(context, current, presentation, answer, audience, client).await;
            let label = outcome.as_ref().err().map_or("succeeded", ReauthenticationError::factor_label);
            context.metrics.count_second_factor(method, label);
            outcome
        }
    }
}

/// The options for `navigator.credentials.get`. `None` if the user has no passkeys.
pub async fn reauthentication_options(
    context: &Context,
    current: &CurrentSession,
) -> Result<Option<Value>, StoreError> {
    let Some(enabled) = context.passkeys.as_deref() else { return Ok(None) };
    let user = current.user.id;
    let own = context.database.run(move |connection| passkeys::of_user(connection, user)).await?;
    let options = |own: &[Passkey]| {
        enabled.request_options(Purpose::Reauthenticate, &binding(&current.session), own, context.now())
    };
    Ok((!own.is_empty()).then(|| options(&own)))
}

/// What the challenge of a passkey is bound to.
fn binding(session: &Session) -> Vec<u8> {
    session.id.to_string().into_bytes()
}

async fn with_password(
    context: &Context,
    current: CurrentSession,
    presentation: Presentation,
    password: SecretString,
    audience: &str,
    client: &ClientInfo,
) -> Result<IssuedTokens, ReauthenticationError> {
    if current.has_second_factor {
        let user = current.user.id;
        let read = move |connection: &mut AnyConnection| factors::methods(connection, user);
        return Err(ReauthenticationError::FactorRequired(context.database.run(read).await?));
    }
    let credentials = Credentials::of(&current.user, password);
    let verified =
        verification::verify(context, credentials, client, EventType::ReauthenticationFailed).await?;
    let operation = context.operation(client);
    let rotation =
        Rotation::new(context, &operation, current.token, presentation).authenticated(current.session.amr);
    let update = operation.transaction(move |tx| {
        verified.lock_user(tx, true)?;
        let outcome = rotation.run(tx)?.granted();
        if let Ok(granted) = &outcome {
            tx.audit.record_session_event(EventType::Reauthenticated, granted.session.id, granted.user.id);
        }
        // The permit in `verified` must be held until the commit.
        Ok::<_, ReauthenticationError>((outcome, verified))
    });
    let (outcome, _verified) = update.await?;
    let issued = outcome?.issue(context, audience);
    Ok(issued.map_err(RotationError::from)?)
}

async fn with_factor(
    context: &Context,
    current: CurrentSession,
    presentation: Presentation,
    answer: Answer,
    audience: &str,
    client: &ClientInfo,
) -> Result<IssuedTokens, ReauthenticationError> {
    let CurrentSession { session, user, token, repeats_proof, .. } = current;
    let amr = answer.added_to(session.amr.clone());
    let is_step_up = amr.acr() > session.amr.acr();
    let prepared = answer.prepare(context, user.id, Purpose::Reauthenticate, &binding(&session)).await?;
    let operation = context.operation(client);
    let rotation = Rotation::new(context, &operation, token, presentation).authenticated(amr);
    let update = operation.transaction(move |tx| {
        if !users::lock_version(tx.connection, user.id, user.version)? {
            return Err(ReauthenticationError::from(PasswordError::UserChanged));
        }
        // The client lost the response to the same request, and its code is spent.
        let verdict = if repeats_proof { Verdict::Correct } else { prepared.prove(tx, user.id)? };
        if let Verdict::Rejected(error) = verdict {
            return Ok(Err(error.into()));
        }
        let outcome = rotation.run(tx)?.granted();
        if let Ok(granted) = &outcome {
            let kind = if is_step_up { EventType::SteppedUp } else { EventType::Reauthenticated };
            tx.audit.record_session_event(kind, granted.session.id, granted.user.id);
        }
        Ok(outcome.map_err(ReauthenticationError::from))
    });
    let issued = update.await??.issue(context, audience);
    Ok(issued.map_err(RotationError::from)?)
}

impl ReauthenticationError {
    fn factor_label(&self) -> &'static str {
        match self {
            Self::Rejected(error) => error.metric_label(),
            Self::Answer(error) => error.metric_label(),
            Self::Password(_) | Self::FactorRequired(_) | Self::Rotation(_) | Self::Store(_) => "unavailable",
        }
    }
}
