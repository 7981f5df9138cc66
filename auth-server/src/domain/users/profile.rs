//! Changes that users make to their own account.

use chrono::TimeDelta;

use crate::domain::context::Context;
use crate::domain::operation::Operation;
use crate::domain::sessions::CurrentSession;
use crate::domain::users::admin::{self, LastAdministrator};
use crate::model::{ClientInfo, DisplayName, EventType, User, UserId, Username};
use crate::store::{StoreError, Taken, password_failures, users};

/// How recently the password must have been entered to delete the account: a session that was left open or stolen is not
/// enough for what cannot be undone.
pub const MAX_AUTH_AGE: TimeDelta = TimeDelta::minutes(5);

#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    #[error("the username is taken")]
    UsernameTaken,
    #[error("the user was deleted")]
    UserDeleted,
    #[error(transparent)]
    Store(StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum DeletionError {
    /// The password was entered more than [`MAX_AUTH_AGE`] ago.
    #[error("the last authentication is too long ago")]
    NotRecent,
    #[error(transparent)]
    LastAdministrator(#[from] LastAdministrator),
    #[error("the user was already deleted")]
    UserDeleted,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<StoreError> for RenameError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(Taken::Username) => Self::UsernameTaken,
            other => Self::Store(other),
        }
    }
}

/// Changes the names that are given. Access tokens contain the new name after the next refresh.
pub async fn rename(
    operation: &Operation<'_>,
    user: UserId,
    name: Option<DisplayName>,
    username: Option<Username>,
) -> Result<User, RenameError> {
    let update = operation.transaction(move |tx| {
        let before = users::by_id(tx.connection, user)?.ok_or(RenameError::UserDeleted)?;
        users::rename(tx.connection, user, name.as_ref(), username.as_ref())?;
        let after = users::by_id(tx.connection, user)?.ok_or(RenameError::UserDeleted)?;
        if (&before.name, &before.username) != (&after.name, &after.username) {
            tx.audit.record(tx.audit.event(EventType::NamesChanged).of_user(user));
        }
        Ok(after)
    });
    update.await
}

/// Deletes the user of the session.
pub async fn delete_self(context: &Context, current: &CurrentSession) -> Result<(), DeletionError> {
    // The event must not contain the client, which is most likely the user's own.
    let operation = context.operation(&ClientInfo::none());
    let CurrentSession { session, user, .. } = current;
    if operation.now - session.auth_time > MAX_AUTH_AGE {
        return Err(DeletionError::NotRecent);
    }
    let names = std::iter::once(user.email.as_str()).chain(user.username.as_ref().map(Username::as_str));
    let login_keys: Vec<String> = names.map(|name| context.throttle.login_key(name)).collect();
    let user = user.id;
    let delete = operation.transaction(move |tx| {
        if !admin::remove::<DeletionError>(tx, user)? {
            return Err(DeletionError::UserDeleted);
        }
        // After the user's row, in the order of a login: the other order could deadlock.
        for login_key in &login_keys {
            password_failures::forget_login_key(tx.connection, login_key)?;
        }
        Ok(())
    });
    delete.await
}
