//! Registration: creates a user and logs them in.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::Map;

use crate::domain::context::Context;
use crate::domain::keys::UnusableKey;
use crate::domain::passwords::{NewPasswordError, PasswordHasher};
use crate::domain::sessions::NewSession;
use crate::domain::tokens::IssuedTokens;
use crate::model::{DisplayName, Email, EventType, User, UserId, Username, guessable_words};
use crate::store::{StoreError, Taken, users};

pub struct NewUser {
    pub email: Email,
    pub username: Option<Username>,
    pub name: Option<DisplayName>,
    /// In clear, until it is hashed.
    pub password: SecretString,
}

#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// `REGISTRATION=closed`
    #[error("registration is closed")]
    Closed,
    #[error(transparent)]
    Password(#[from] NewPasswordError),
    #[error("the e-mail address is taken")]
    EmailTaken,
    #[error("the username is taken")]
    UsernameTaken,
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Signing(#[from] UnusableKey),
}

impl From<StoreError> for RegistrationError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(Taken::Email) => Self::EmailTaken,
            StoreError::Taken(Taken::Username) => Self::UsernameTaken,
            other => Self::Store(other),
        }
    }
}

/// Creates a user and starts their first session, both in one transaction.
pub async fn register(
    context: &Context,
    new_user: NewUser,
    new_session: NewSession,
) -> Result<IssuedTokens, RegistrationError> {
    let outcome = create_and_log_in(context, new_user, new_session).await;
    let label = outcome.as_ref().err().map_or("succeeded", RegistrationError::metric_label);
    context.metrics.registrations.count(label);
    outcome
}

async fn create_and_log_in(
    context: &Context,
    new_user: NewUser,
    new_session: NewSession,
) -> Result<IssuedTokens, RegistrationError> {
    if !context.policy.registration_open {
        return Err(RegistrationError::Closed);
    }
    let audience = new_session.audience.clone();
    let audience = context.policy.audience(audience.as_deref()).ok_or(RegistrationError::UnknownAudience)?;
    let user = hash_password(&context.hasher, new_user, context.now()).await?;
    let operation = context.operation(&new_session.client);
    let session = new_session.prepare(context, user.id, false, operation.now);
    let insert = operation.transaction(move |tx| {
        users::insert(tx.connection, &user)?;
        session.insert(tx, EventType::Registered)?;
        Ok::<_, RegistrationError>((user, session))
    });
    let (user, session) = insert.await?;
    Ok(session.issue(context, user, audience)?)
}

/// A user without roles and claims who is not in the database yet.
pub async fn hash_password(
    hasher: &PasswordHasher,
    new_user: NewUser,
    now: DateTime<Utc>,
) -> Result<User, NewPasswordError> {
    let NewUser { email, username, name, password } = new_user;
    let words = guessable_words(&email, username.as_ref(), name.as_ref());
    let password_hash = hasher.hash_new(password, words).await?;
    Ok(User {
        id: UserId::random(),
        email,
        username,
        name,
        password_hash,
        roles: Vec::new(),
        claims: Map::new(),
        version: 1,
        disabled_at: None,
        created_at: now,
        last_login_at: None,
        temporary_password_expires_at: None,
    })
}

impl RegistrationError {
    /// Whether the password was hashed, or found too weak.
    pub fn is_attempt(&self) -> bool {
        !matches!(self, Self::Closed | Self::UnknownAudience | Self::Password(NewPasswordError::QueueFull(_)))
    }

    fn metric_label(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Password(NewPasswordError::Weak(_)) => "weak_password",
            Self::Password(NewPasswordError::QueueFull(_)) => "busy",
            Self::EmailTaken | Self::UsernameTaken => "taken",
            Self::UnknownAudience => "malformed",
            Self::Store(_) | Self::Signing(_) => "unavailable",
        }
    }
}
