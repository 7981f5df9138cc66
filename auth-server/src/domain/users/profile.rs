//! What people may change about themselves.

use chrono::TimeDelta;

use crate::domain::audit::{self, AuditLog};
use crate::domain::context::Context;
use crate::domain::users::last_admin::{self, LastAdministrator};
use crate::model::{ClientInfo, DisplayName, EventType, Session, User, UserId, Username};
use crate::store::{AnyConnection, StoreError, Taken, events, password_failures, users};

/// How old the last proof of the password may be where somebody wants to be deleted: a session that was left open, or
/// stolen, is not enough for what nobody can undo.
pub const FRESH: TimeDelta = TimeDelta::minutes(5);

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

/// Why nobody was deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeletionError {
    /// The last proof of the password is too old.
    #[error("the last login is too long ago")]
    NotFresh,
    /// Nobody would be left to administer.
    #[error(transparent)]
    LastAdministrator(#[from] LastAdministrator),
    /// The person is gone already.
    #[error("there is no such person any more")]
    Gone,
    /// The database gave no answer.
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

/// Changes the names that are given. Tokens carry the new name from the next refresh on.
///
/// # Errors
/// See [`RenameError`].
pub async fn rename(
    context: &Context,
    user: UserId,
    name: Option<DisplayName>,
    username: Option<Username>,
    requester: &ClientInfo,
) -> Result<User, RenameError> {
    context
        .transaction(requester, move |connection, audit| {
            let before = users::by_id(connection, user)?.ok_or(RenameError::Gone)?;
            users::rename(connection, user, name.as_ref(), username.as_ref())?;
            let after = users::by_id(connection, user)?.ok_or(RenameError::Gone)?;
            if (&before.name, &before.username) != (&after.name, &after.username) {
                audit.record(audit.event(EventType::NamesChanged).of_user(user));
            }
            Ok(after)
        })
        .await
}

/// Deletes a person at their own wish.
///
/// # Errors
/// See [`DeletionError`].
pub async fn delete_oneself(context: &Context, session: &Session, user: &User) -> Result<(), DeletionError> {
    if context.now() - session.auth_time > FRESH {
        return Err(DeletionError::NotFresh);
    }
    let names = std::iter::once(user.email.as_str()).chain(user.username.as_ref().map(Username::as_str));
    let accounts: Vec<String> = names.map(|name| context.throttle.login_key(name)).collect();
    let user = user.id;
    context
        .transaction(&ClientInfo::none(), move |connection, audit| {
            if !remove::<DeletionError>(connection, audit, user)? {
                return Err(DeletionError::Gone);
            }
            // After the person's row, as logins do: the other way round the two could wait for each other.
            for account in &accounts {
                password_failures::forget_login_key(connection, account)?;
            }
            Ok(())
        })
        .await
}

/// Deletes a person with everything that belongs to them: sessions, places, names. Their events keep no more than the id.
/// `false` where there is no such person.
pub fn remove<E>(connection: &mut AnyConnection, audit: &mut AuditLog, user: UserId) -> Result<bool, E>
where
    E: From<StoreError> + From<LastAdministrator>,
{
    last_admin::lock(connection)?;
    let Some(before) = users::by_id(connection, user)? else { return Ok(false) };
    audit::bump_version(connection, audit, user)?;
    users::delete(connection, user)?;
    events::anonymize(connection, user)?;
    // Whoever asked for it was them, most likely: no address here either.
    audit.record(audit.event(EventType::UserDeleted).of_user(user).without_origin());
    last_admin::ensure_one_left::<E>(connection, &before)?;
    Ok(true)
}
