//! Login: verifies a password and starts a session. A password that an operator set is replaced on the way.

use secrecy::SecretString;

use crate::domain::context::Context;
use crate::domain::operation::Transaction;
use crate::domain::passwords::{NewPasswordError, is_same_password};
use crate::domain::sessions::new_device;
use crate::domain::sessions::new_session::{NewSession, NotAdmitted};
use crate::domain::sessions::verification::{self, Credentials, PasswordError, VerifiedPassword};
use crate::domain::tokens::IssuedTokens;
use crate::domain::user_limits::TooManyChanges;
use crate::model::{Amr, EventType, PasswordHash, User};
use crate::store::{StoreError, users};

#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    TooMany(#[from] TooManyChanges),
    /// The password was correct, but an operator set it, and the request has no new one.
    #[error("the password must be changed")]
    PasswordChangeRequired,
    /// The request has a new password, but the user chose the present one.
    #[error("the password need not be changed")]
    NoPasswordChangeRequired,
    /// The password was correct, but the user must prove their address first.
    #[error("the e-mail address must be proved first")]
    EmailUnverified(Box<User>),
    #[error(transparent)]
    NewPassword(#[from] NewPasswordError),
    #[error("the new password is the current one")]
    SamePassword,
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
}

/// `new_password` replaces a password that an operator set, and is rejected otherwise: then `change_password` is for that.
pub async fn log_in(
    context: &Context,
    credentials: Credentials,
    new_password: Option<SecretString>,
    new_session: NewSession,
) -> Result<IssuedTokens, LoginError> {
    let outcome = start_session(context, credentials, new_password, new_session).await;
    let label = outcome.as_ref().err().map_or("succeeded", LoginError::metric_label);
    context.metrics.logins.count(label);
    outcome
}

async fn start_session(
    context: &Context,
    credentials: Credentials,
    new_password: Option<SecretString>,
    new_session: NewSession,
) -> Result<IssuedTokens, LoginError> {
    const FAILURE: EventType = EventType::LoginFailed;
    let audience = new_session.audience.clone();
    let audience = context.policy.audience(audience.as_deref()).ok_or(LoginError::UnknownAudience)?;
    let client = new_session.client.clone();
    let current = credentials.password.clone();
    let verified = verification::verify(context, credentials, &client, FAILURE).await?;
    let user = verified.user.id;
    let replacement = match hash_replacement(context, &verified, &current, new_password).await {
        Ok(replacement) => replacement,
        Err(error) => {
            verified.forget_failure(context).await?;
            return Err(error);
        }
    };
    let operation = context.operation(&client);
    let session =
        new_session.prepare(context, user, Amr::password(), verified.device_is_known(), operation.now);
    let inserted = operation.transaction(move |tx| {
        let is_whole = session.is_enough_for(&verified.user);
        verified.lock_user(tx, is_whole)?;
        let user = match replacement {
            Some(hash) => replace_password(tx, &verified.user, &hash)?,
            None => verified.user.clone(),
        };
        if is_whole {
            new_device::notify(tx, &verified.user, verified.device_is_known())?;
        }
        let admission = session.admit(tx, &user, EventType::LoginSucceeded)?;
        // The permit in `verified` must be held until the commit.
        Ok::<_, PasswordError>((admission, user, verified))
    });
    let (admission, user) = match inserted.await {
        Ok((admission, user, _verified)) => (admission, user),
        Err(error) => {
            if matches!(error, PasswordError::Wrong) {
                verification::record_failure(context, user, &client, FAILURE).await?;
            }
            return Err(error.into());
        }
    };
    Ok(admission.issue(context, user, audience)?)
}

/// Counts the login, which requires a proved address. Returns the hash of the new password, if the user must replace the current one.
async fn hash_replacement(
    context: &Context,
    verified: &VerifiedPassword,
    current: &SecretString,
    new: Option<SecretString>,
) -> Result<Option<PasswordHash>, LoginError> {
    let user = &verified.user;
    context.user_limits.count_login(user.id)?;
    if context.policy.requires_proof_of_email(user) {
        return Err(LoginError::EmailUnverified(Box::new(user.clone())));
    }
    match (user.temporary_password_expires_at, new) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(LoginError::NoPasswordChangeRequired),
        (Some(_), None) => Err(LoginError::PasswordChangeRequired),
        (Some(_), Some(new)) if is_same_password(current, &new) => Err(LoginError::SamePassword),
        (Some(_), Some(new)) => Ok(Some(context.hasher.hash_new(new, user.guessable_words()).await?)),
    }
}

/// Returns the user with the new version. The row is locked.
fn replace_password(tx: &mut Transaction<'_>, user: &User, hash: &PasswordHash) -> Result<User, StoreError> {
    tx.bump_version(user.id)?;
    users::set_password(tx.connection, user.id, hash)?;
    tx.audit.record(tx.audit.event(EventType::PasswordChanged).of_user(user.id));
    Ok(users::by_id(tx.connection, user.id)?.unwrap_or_else(|| user.clone()))
}

impl LoginError {
    /// Whether the password was checked, or its check was rejected because of earlier failures.
    pub fn is_attempt(&self) -> bool {
        !matches!(self, Self::UnknownAudience | Self::Password(PasswordError::QueueFull(_)))
    }

    fn metric_label(&self) -> &'static str {
        match self {
            Self::Password(PasswordError::Wrong) => "invalid_credentials",
            Self::Password(PasswordError::TooManyFailures(_)) | Self::TooMany(_) => "throttled",
            Self::Password(PasswordError::QueueFull(_))
            | Self::NewPassword(NewPasswordError::QueueFull(_)) => "busy",
            Self::PasswordChangeRequired => "password_change_required",
            Self::EmailUnverified(_) => "email_code_required",
            Self::NewPassword(NewPasswordError::Weak(_)) | Self::SamePassword => "weak_password",
            Self::UnknownAudience | Self::NoPasswordChangeRequired => "malformed",
            Self::Password(PasswordError::UserChanged | PasswordError::Store(_)) | Self::Store(_) => {
                "unavailable"
            }
            Self::NotAdmitted(error) => error.metric_label(),
        }
    }
}
