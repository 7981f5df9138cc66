//! Reauthentication: a logged-in user enters the password again, for calls that require a recent `auth_time`.

use secrecy::SecretString;

use crate::domain::context::Context;
use crate::domain::sessions::authentication::CurrentSession;
use crate::domain::sessions::rotation::{Presentation, Rotation, RotationError};
use crate::domain::sessions::verification::{self, Credentials, PasswordError};
use crate::domain::tokens::IssuedTokens;
use crate::model::{ClientInfo, EventType};
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum ReauthenticationError {
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Rotation(#[from] RotationError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Verifies the password and rotates the session. Only the new tokens have the new `auth_time`, so that a copy of the old
/// refresh token gains nothing.
pub async fn reauthenticate(
    context: &Context,
    current: CurrentSession,
    presentation: Presentation,
    password: SecretString,
    audience: Option<&str>,
    client: &ClientInfo,
) -> Result<IssuedTokens, ReauthenticationError> {
    let audience = context.policy.audience(audience).ok_or(RotationError::UnknownAudience)?;
    let credentials = Credentials::of(&current.user, password);
    let verified =
        verification::verify(context, credentials, client, EventType::ReauthenticationFailed).await?;
    let operation = context.operation(client);
    let rotation = Rotation::new(context, &operation, current.token, presentation).authenticated();
    let update = operation.transaction(move |tx| {
        verified.lock_user(tx)?;
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
