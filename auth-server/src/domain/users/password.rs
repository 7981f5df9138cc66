//! A user changes their password.

use secrecy::SecretString;

use crate::domain::context::Context;
use crate::domain::operation::Transaction;
use crate::domain::passwords::{NewPasswordError, is_same_password, remember_origin};
use crate::domain::sessions::{
    self, Credentials, CurrentSession, NotFresh, PasswordError, Presentation, Proof, ReauthenticationError,
    Rotation, RotationError,
};
use crate::domain::tokens::IssuedTokens;
use crate::model::{ClientInfo, EndReason, EventType, PasswordHash, SessionId, User};
use crate::store::{StoreError, known_origins, users};

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
    #[error(transparent)]
    NotFresh(#[from] NotFresh),
    #[error(transparent)]
    Retry(#[from] ReauthenticationError),
    #[error(transparent)]
    Rotation(#[from] RotationError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes the password and rotates the session. Its tokens get a new secret, so that copies of the old refresh token are
/// worthless. All access tokens become stale.
pub async fn change_password(
    context: &Context,
    current: CurrentSession,
    presentation: Presentation,
    change: PasswordChange,
    client: &ClientInfo,
) -> Result<IssuedTokens, PasswordChangeError> {
    if current.password_is_changed {
        // The first response was lost: the user has the new password now, and gets the same tokens.
        let proof = Proof::Password(change.new);
        return Ok(sessions::reauthenticate(context, current, presentation, proof, None, client).await?);
    }
    let (session, secret_hash) = (current.session.id, current.token.secret_hash);
    let outcome = verify_and_change(context, current, presentation, change, client).await;
    if matches!(outcome, Err(PasswordChangeError::Current(PasswordError::Wrong)))
        && sessions::is_replaced(context, session, secret_hash).await?
    {
        // The password was correct until a concurrent request changed it, most likely the same one sent twice.
        return Err(RotationError::Replaced.into());
    }
    outcome
}

async fn verify_and_change(
    context: &Context,
    current: CurrentSession,
    presentation: Presentation,
    change: PasswordChange,
    client: &ClientInfo,
) -> Result<IssuedTokens, PasswordChangeError> {
    if current.has_second_factor {
        current.require_fresh_login(context.now())?;
    }
    let audience = context.policy.audience(None).ok_or(RotationError::UnknownAudience)?;
    let is_same = is_same_password(&change.current, &change.new);
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
    let secret = current.token.secret().after_password_change(&hash);
    let rotation = Rotation::new(context, &operation, current.newest_token(), presentation)
        .authenticated(current.session.amr.clone())
        .with_secret(secret);
    let update = operation.transaction(move |tx| {
        verified.lock_user(tx, true)?;
        let mut outcome = rotation.run(tx)?.granted();
        if let Ok(granted) = &mut outcome {
            let others_except = change.end_other_sessions.then_some(granted.session.id);
            replace(tx, &granted.user, &hash, &origin, others_except)?;
            tx.audit.record_session_event(EventType::PasswordChanged, granted.session.id, granted.user.id);
            granted.reload_user(tx)?;
        }
        // The permit in `verified` must be held until the commit.
        Ok::<_, PasswordChangeError>((outcome, verified))
    });
    let (outcome, _verified) = update.await?;
    Ok(outcome?.issue(context, audience).map_err(RotationError::from)?)
}

/// Sets the password, and ends the user's sessions except this one, if any is given.
fn replace(
    tx: &mut Transaction<'_>,
    user: &User,
    hash: &PasswordHash,
    origin: &ClientInfo,
    others_except: Option<SessionId>,
) -> Result<(), StoreError> {
    tx.bump_version(user.id)?;
    users::set_password(tx.connection, user.id, hash)?;
    // Others who knew the old password may have made their own origins known.
    known_origins::forget_all(tx.connection, user.id)?;
    remember_origin(tx.connection, user.id, origin, tx.now)?;
    if others_except.is_some() {
        sessions::end_others(tx, user.id, others_except, EndReason::PasswordChanged)?;
    }
    Ok(())
}
