//! Changes that users make to their own account.

use crate::domain::context::Context;
use crate::domain::operation::Operation;
use crate::domain::sessions::{CurrentSession, NotFresh};
use crate::domain::users::admin::{self, LastAdministrator};
use crate::model::{ClientInfo, DisplayName, EventType, Locale, User, Username};
use crate::store::{StoreError, Taken, password_failures, users};

#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    #[error("the username is taken")]
    UsernameTaken,
    #[error("the user was deleted")]
    UserDeleted,
    #[error(transparent)]
    NotFresh(#[from] NotFresh),
    #[error(transparent)]
    Store(StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum DeletionError {
    #[error(transparent)]
    NotFresh(#[from] NotFresh),
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

/// What to change; `None` leaves a value unchanged.
#[derive(Clone)]
pub struct ProfileChange {
    pub name: Option<DisplayName>,
    pub username: Option<Username>,
    /// Language of mails.
    pub locale: Option<Locale>,
}

/// A new username requires a fresh login, because users log in with it. Access tokens contain the new name after the next
/// refresh.
pub async fn change_profile(
    operation: &Operation<'_>,
    current: &CurrentSession,
    change: ProfileChange,
) -> Result<User, RenameError> {
    let ProfileChange { name, username, locale } = change;
    if username.is_some() && username != current.user.username {
        current.require_fresh_login(operation.now)?;
    }
    let user = current.user.id;
    let update = operation.transaction(move |tx| {
        let before = users::by_id(tx.connection, user)?.ok_or(RenameError::UserDeleted)?;
        users::set_profile(tx.connection, user, name.as_ref(), username.as_ref(), locale.as_ref())?;
        let after = users::by_id(tx.connection, user)?.ok_or(RenameError::UserDeleted)?;
        if (&before.name, &before.username) != (&after.name, &after.username) {
            tx.audit.record(tx.audit.event(EventType::NamesChanged).of_user(user));
        }
        Ok(after)
    });
    update.await
}

/// Deletes the user of the session.
pub async fn delete_self(
    context: &Context,
    current: &CurrentSession,
    client: &ClientInfo,
) -> Result<(), DeletionError> {
    let operation = context.operation(client);
    current.require_fresh_login(operation.now)?;
    let user = &current.user;
    let names = std::iter::once(user.email.as_str()).chain(user.username.as_ref().map(Username::as_str));
    let login_keys: Vec<String> = names.map(|name| context.throttle.login_key(name)).collect();
    let user = user.id;
    let delete = operation.transaction(move |tx| {
        admin::lock_administrators(tx.connection)?;
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
