//! A user changes their password.

use secrecy::{ExposeSecret, SecretString};

use crate::domain::context::Context;
use crate::domain::passwords::{NewPasswordError, remember_origin};
use crate::domain::sessions::{self, Credentials, CurrentSession, PasswordError};
use crate::model::{ClientInfo, EndReason, EventType};
use crate::store::{StoreError, known_origins, sessions as sessions_table, users};

pub struct PasswordChange {
    pub current: SecretString,
    pub new: SecretString,
    pub end_other_sessions: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeError {
    #[error(transparent)]
    Current(#[from] PasswordError),
    #[error(transparent)]
    New(#[from] NewPasswordError),
    #[error("the new password is the current one")]
    Same,
    #[error("the session has ended")]
    SessionEnded,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes the password. The session stays active, but all access tokens become stale.
pub async fn change_password(
    context: &Context,
    current: &CurrentSession,
    change: PasswordChange,
    client: &ClientInfo,
) -> Result<(), PasswordChangeError> {
    let session = current.session.id;
    let is_same = change.current.expose_secret() == change.new.expose_secret();
    let credentials = Credentials::of(&current.user, change.current);
    let failure = EventType::ReauthenticationFailed;
    let verified = sessions::verify(context, credentials, client, failure).await?;
    let hash = if is_same {
        Err(PasswordChangeError::Same)
    } else {
        let words = current.user.guessable_words();
        context.hasher.hash_new(change.new, words).await.map_err(PasswordChangeError::from)
    };
    let hash = match hash {
        Ok(hash) => hash,
        Err(error) => {
            verified.forget_failure(context).await?;
            return Err(error);
        }
    };
    // A device token that no login of this user set may have been planted: it must not become known.
    let device = client.device.clone().filter(|_| verified.device_is_known());
    let origin = ClientInfo { device, ..client.clone() };
    let operation = context.operation(client);
    let update = operation.transaction(move |tx| {
        verified.lock_user(tx)?;
        let user = verified.user.id;
        tx.bump_version(user)?;
        users::set_password(tx.connection, user, &hash)?;
        // Others who knew the old password may have made their own origins known.
        known_origins::forget_all(tx.connection, user)?;
        remember_origin(tx.connection, user, &origin, tx.now)?;
        if change.end_other_sessions {
            sessions::end_others(tx, user, Some(session), EndReason::PasswordChanged)?;
        }
        if !sessions_table::record_authentication(tx.connection, session, tx.now)? {
            return Err(PasswordChangeError::SessionEnded);
        }
        tx.audit.record_session_event(EventType::PasswordChanged, session, user);
        // The permit in `verified` must be held until the commit.
        Ok(verified)
    });
    update.await.map(drop)
}
