//! Reauthentication: a logged-in user enters the password again, for calls that require a recent `auth_time`.

use secrecy::SecretString;

use crate::domain::context::Context;
use crate::domain::keys::UnusableKey;
use crate::domain::sessions::authentication::CurrentSession;
use crate::domain::sessions::verification::{self, Credentials, PasswordError};
use crate::domain::tokens::AccessToken;
use crate::model::{ClientInfo, EventType, Session, User};
use crate::store::{StoreError, sessions};

#[derive(Debug, thiserror::Error)]
pub enum ReauthenticationError {
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error("the session has ended")]
    SessionEnded,
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Signing(#[from] UnusableKey),
}

/// Verifies the password, updates the session's `auth_time`, and issues an access token with it. The refresh token stays
/// valid.
pub async fn reauthenticate(
    context: &Context,
    current: CurrentSession,
    password: SecretString,
    audience: Option<&str>,
    client: &ClientInfo,
) -> Result<(AccessToken, Session, User), ReauthenticationError> {
    let audience = context.policy.audience(audience).ok_or(ReauthenticationError::UnknownAudience)?;
    let CurrentSession { session, user, token } = current;
    let credentials = Credentials::of(&user, password);
    let verified =
        verification::verify(context, credentials, client, EventType::ReauthenticationFailed).await?;
    let (id, user) = (session.id, verified.user.clone());
    let operation = context.operation(client);
    let session = Session { auth_time: operation.now, ..session };
    let update = operation.transaction(move |tx| {
        verified.lock_user(tx)?;
        if !sessions::record_authentication(tx.connection, id, tx.now)? {
            return Err(ReauthenticationError::SessionEnded);
        }
        tx.audit.record_session_event(EventType::Reauthenticated, id, verified.user.id);
        // The permit in `verified` must be held until the commit.
        Ok(verified)
    });
    update.await?;
    let access_token = context.access_tokens.issue(&user, &session, token.secret(), audience, context.now());
    Ok((access_token?, session, user))
}
