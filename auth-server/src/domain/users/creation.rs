//! Users whom an administrator creates.

use secrecy::SecretString;

use crate::domain::operation::{Operation, Transaction};
use crate::domain::passwords::{NewPasswordError, PasswordHasher};
use crate::domain::users::admin::{AdminError, Change, TEMPORARY_PASSWORD_LIFETIME, administer};
use crate::model::{DisplayName, Email, EventType, User, Username, guessable_words};
use crate::store::{StoreError, Taken, users};

/// What an administrator decides about a new user.
pub struct Creation {
    pub email: Email,
    /// Whether the administrator knows that the address is the user's.
    pub email_verified: bool,
    pub username: Option<Username>,
    pub name: Option<DisplayName>,
    /// The user must replace it at the first login. Without one, no password works until the user sets one with a link.
    pub password: Option<SecretString>,
    pub access: Change,
}

#[derive(Debug, thiserror::Error)]
pub enum CreationError {
    #[error(transparent)]
    Password(#[from] NewPasswordError),
    #[error("the username is taken")]
    UsernameTaken,
    #[error(transparent)]
    Admin(#[from] AdminError),
}

impl From<StoreError> for CreationError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(Taken::Username) => Self::UsernameTaken,
            other => Self::Admin(other.into()),
        }
    }
}

/// Creates a user without a session, even if registration is closed.
pub async fn create(
    operation: &Operation<'_>,
    hasher: &PasswordHasher,
    creation: Creation,
) -> Result<User, CreationError> {
    let Creation { email, email_verified, username, name, password, access } = creation;
    let now = operation.now;
    let temporary_password_expires_at = password.as_ref().map(|_| now + TEMPORARY_PASSWORD_LIFETIME);
    let hash = match password {
        Some(password) => {
            let words = guessable_words(Some(&email), username.as_ref(), name.as_ref());
            hasher.hash_new(password, words).await?
        }
        None => hasher.hash_of_no_password(),
    };
    let email_verified_at = email_verified.then_some(now);
    let new = User::new(email, hash, now);
    let mut user = User { username, name, temporary_password_expires_at, email_verified_at, ..new };
    access.apply(&mut user, now);
    let insert = move |tx: &mut Transaction<'_>| {
        users::insert(tx.connection, &user)?;
        tx.audit.record(tx.audit.event(EventType::Registered).of_user(user.id));
        tx.audit.record_first_roles(&user);
        Ok::<_, CreationError>(user)
    };
    administer(operation, insert).await
}
