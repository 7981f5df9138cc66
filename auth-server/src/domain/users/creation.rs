//! Users whom an administrator creates.

use secrecy::SecretString;

use crate::domain::operation::{Operation, Transaction};
use crate::domain::passwords::{NewPasswordError, PasswordHasher};
use crate::domain::users::admin::{AdminError, Change, TEMPORARY_PASSWORD_LIFETIME, administer};
use crate::domain::users::registration::{Account, NewUser, hash_password, insert_without_session};
use crate::model::{DisplayName, Email, User, Username};
use crate::store::{StoreError, Taken};

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
    let user = match password {
        Some(password) => {
            let account = Account { username, name, password };
            hash_password(hasher, NewUser { email, account }, now).await?
        }
        None => User { username, name, ..User::new(email, hasher.hash_of_no_password(), now) },
    };
    let email_verified_at = email_verified.then_some(now);
    let mut user = User { temporary_password_expires_at, email_verified_at, ..user };
    access.apply(&mut user, now);
    let insert = move |tx: &mut Transaction<'_>| {
        insert_without_session(tx, &user)?;
        Ok::<_, CreationError>(user)
    };
    administer(operation, insert).await
}
