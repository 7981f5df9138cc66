//! A person changes their password.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::domain::audit::{self, AuditLog};
use crate::domain::context::Context;
use crate::domain::passwords::verification::{self, Identifier, PasswordError};
use crate::domain::passwords::{QueueFull, WeakPassword, throttle};
use crate::model::{ClientInfo, EndReason, EventType, PasswordHash, Session, User};
use crate::store::{AnyConnection, StoreError, known_origins, sessions, users};

/// What is wanted.
pub struct PasswordChange {
    /// Proves that it is the person who asks.
    pub current: SecretString,
    /// In its slot.
    pub new: SecretString,
    /// Whether whoever else is logged in has to log in again.
    pub end_other_sessions: bool,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeError {
    /// The current password proved nothing.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Too short, too long or too easy to guess.
    #[error("weak password: {0}")]
    Weak(WeakPassword),
    /// Then nothing would change.
    #[error("the new password is the current one")]
    Same,
    /// The session ended in between.
    #[error("the session is over")]
    SessionEnded,
    /// The database gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<QueueFull> for PasswordChangeError {
    fn from(busy: QueueFull) -> Self {
        PasswordError::QueueFull(busy).into()
    }
}

/// Changes the password of the person whose session it is. The session goes on; its access tokens are stale.
///
/// # Errors
/// See [`PasswordChangeError`].
pub async fn change(
    context: &Context,
    session: Session,
    user: &User,
    change: PasswordChange,
    requester: &ClientInfo,
) -> Result<(), PasswordChangeError> {
    let whom = Identifier::Email(user.email.clone());
    let is_same = change.current.expose_secret() == change.new.expose_secret();
    let failure = EventType::ReauthenticationFailed;
    let proof = Arc::new(verification::check(context, whom, change.current, requester, failure).await?);
    let hash = match accepted(context, user, change.new, is_same).await {
        Ok(hash) => hash,
        Err(refusal) => {
            proof.forget_failure(context).await?;
            return Err(refusal);
        }
    };
    // Whoever has planted a device's token in this browser is not to be heard for it.
    let device = requester.device.clone().filter(|_| proof.device_is_known());
    let (now, held, here) = (context.now(), Arc::clone(&proof), ClientInfo { device, ..requester.clone() });
    let work = move |connection: &mut AnyConnection, audit: &mut AuditLog| {
        held.lock_user(connection, now)?;
        let user = held.user.id;
        audit::bump_version(connection, audit, user)?;
        users::set_password(connection, user, &hash)?;
        // Whoever else knew the old password may have made their own places familiar.
        known_origins::forget_all(connection, user)?;
        throttle::remember_origin(connection, user, &here, now)?;
        if change.end_other_sessions {
            let (but, reason) = (Some(session.id), EndReason::PasswordChanged);
            let ended = sessions::end_all(connection, user, but, reason, now)?;
            audit.record_ended(ended, user, reason);
        }
        if !sessions::record_authentication(connection, session.id, now)? {
            return Err(PasswordChangeError::SessionEnded);
        }
        audit.record_session_event(EventType::PasswordChanged, session.id, user);
        Ok(())
    };
    context.transaction(requester, work).await
}

/// The hash of the new password, if it is one to have.
async fn accepted(
    context: &Context,
    user: &User,
    new: SecretString,
    is_same: bool,
) -> Result<PasswordHash, PasswordChangeError> {
    if is_same {
        return Err(PasswordChangeError::Same);
    }
    let hash = context.passwords.hash_if_strong(new, user.guessable_words()).await?;
    hash.map_err(PasswordChangeError::Weak)
}
