//! What people may change about themselves.

use super::Context;
use crate::model::{DisplayName, User, UserId, Username};
use crate::store::{StoreError, Taken, users};

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    /// Somebody has that username already.
    #[error("the username is taken")]
    UsernameTaken,
    /// The person is gone.
    #[error("there is no such person any more")]
    Gone,
    /// The database gave no answer.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for RenameError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(Taken::Username) => Self::UsernameTaken,
            other => Self::Store(other),
        }
    }
}

/// Changes the names that are given. Tokens carry the new name from the next refresh on.
///
/// # Errors
/// See [`RenameError`].
pub async fn rename(
    context: &Context,
    user: UserId,
    name: Option<DisplayName>,
    username: Option<Username>,
) -> Result<User, RenameError> {
    context
        .database
        .transaction(move |connection| {
            users::rename(connection, user, name.as_ref(), username.as_ref())?;
            users::by_id(connection, user)?.ok_or(RenameError::Gone)
        })
        .await
}
