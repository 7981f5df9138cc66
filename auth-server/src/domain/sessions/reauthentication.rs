//! A person proves once more who they are, for something that wants a fresh proof.

use std::sync::Arc;

use secrecy::SecretString;

use crate::domain::audit::AuditLog;
use crate::domain::context::Context;
use crate::domain::keys::UnusableKey;
use crate::domain::passwords::verification::{self, Identifier, PasswordError};
use crate::domain::tokens::{AccessToken, access_token};
use crate::model::{ClientInfo, EventType, Session, User};
use crate::store::{AnyConnection, StoreError, sessions};

/// Why nothing was proved.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticationError {
    /// The password proved nothing.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The session ended in between.
    #[error("the session is over")]
    SessionEnded,
    /// The audience is not listed.
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    /// The database gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The token could not be signed.
    #[error(transparent)]
    Signing(#[from] UnusableKey),
}

/// Checks the password, notes the time in the session that the refresh token opened, and issues an access token that says
/// so. The refresh token stays as it is.
///
/// # Errors
/// See [`ReauthenticationError`].
pub async fn reauthenticate(
    context: &Context,
    session: Session,
    user: User,
    token: &SecretString,
    password: SecretString,
    audience: Option<&str>,
    requester: &ClientInfo,
) -> Result<(AccessToken, Session, User), ReauthenticationError> {
    let audience = context.policy.audience(audience).ok_or(ReauthenticationError::UnknownAudience)?;
    let token = context.refresh_tokens.read(token).map_err(|_| ReauthenticationError::SessionEnded)?;
    let whom = Identifier::Email(user.email.clone());
    let failure = EventType::ReauthenticationFailed;
    let proof = Arc::new(verification::check(context, whom, password, requester, failure).await?);
    let (id, now, held) = (session.id, context.now(), Arc::clone(&proof));
    let user = proof.user.clone();
    let work = move |connection: &mut AnyConnection, audit: &mut AuditLog| {
        held.lock_user(connection, now)?;
        if !sessions::record_authentication(connection, id, now)? {
            return Err(ReauthenticationError::SessionEnded);
        }
        audit.record_session_event(EventType::Reauthenticated, id, held.user.id);
        Ok(())
    };
    context.transaction(requester, work).await?;
    let session = Session { auth_time: now, ..session };
    Ok((access_token(context, &user, &session, token.secret(), audience)?, session, user))
}
