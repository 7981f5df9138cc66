//! Login: verifies a password and starts a session.

use crate::domain::context::Context;
use crate::domain::keys::UnusableKey;
use crate::domain::sessions::new_session::NewSession;
use crate::domain::sessions::verification::{self, Credentials, PasswordError};
use crate::domain::tokens::IssuedTokens;
use crate::domain::user_limits::TooManyChanges;
use crate::model::EventType;
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    TooMany(#[from] TooManyChanges),
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Signing(#[from] UnusableKey),
}

pub async fn log_in(
    context: &Context,
    credentials: Credentials,
    new_session: NewSession,
) -> Result<IssuedTokens, LoginError> {
    let outcome = start_session(context, credentials, new_session).await;
    let label = outcome.as_ref().err().map_or("succeeded", LoginError::metric_label);
    context.metrics.logins.count(label);
    outcome
}

async fn start_session(
    context: &Context,
    credentials: Credentials,
    new_session: NewSession,
) -> Result<IssuedTokens, LoginError> {
    const FAILURE: EventType = EventType::LoginFailed;
    let audience = new_session.audience.clone();
    let audience = context.policy.audience(audience.as_deref()).ok_or(LoginError::UnknownAudience)?;
    let client = new_session.client.clone();
    let verified = verification::verify(context, credentials, &client, FAILURE).await?;
    let user = verified.user.clone();
    if let Err(error) = context.user_limits.count_login(user.id) {
        verified.forget_failure(context).await?;
        return Err(error.into());
    }
    let operation = context.operation(&client);
    let session = new_session.prepare(context, user.id, verified.device_is_known(), operation.now);
    let inserted = operation.transaction(move |tx| {
        verified.lock_user(tx)?;
        session.insert(tx, EventType::LoginSucceeded)?;
        // The permit in `verified` must be held until the commit.
        Ok::<_, PasswordError>((session, verified))
    });
    let session = match inserted.await {
        Ok((session, _verified)) => session,
        Err(error) => {
            if matches!(error, PasswordError::Wrong) {
                verification::record_failure(context, user.id, &client, FAILURE).await?;
            }
            return Err(error.into());
        }
    };
    Ok(session.issue(context, user, audience)?)
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
            Self::Password(PasswordError::QueueFull(_)) => "busy",
            Self::UnknownAudience => "malformed",
            Self::Password(PasswordError::UserChanged | PasswordError::Store(_))
            | Self::Store(_)
            | Self::Signing(_) => "unavailable",
        }
    }
}
