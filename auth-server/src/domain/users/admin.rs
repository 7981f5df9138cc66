//! Administration of users, by administrators and operators. Every event names the actor.
//!
//! The last enabled administrator cannot be demoted, disabled or deleted, not even from the command line.

use std::error::Error;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::json;

use crate::domain::audit::AuditLog;
use crate::domain::operation::{NotAdministrator, Operation, Transaction};
use crate::domain::passwords::{NewPasswordError, PasswordHasher};
use crate::domain::sessions;
use crate::domain::users::deletion;
use crate::domain::users::registration::{NewUser, RegistrationError, hash_password, insert_without_session};
use crate::model::{
    Actor, CustomClaims, Email, EndReason, Event, EventType, Page, Revocation, Role, Roles, Session,
    SessionId, User, UserId,
};
use crate::store::{
    AnyConnection, Database, StoreError, Taken, advisory_locks, known_origins, sessions as sessions_table,
    users,
};

/// Until then a password that an operator set must be replaced. Others may have seen it, on a screen or in a message.
pub(super) const TEMPORARY_PASSWORD_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// More than `MAX_SESSIONS_PER_USER` can be.
pub const MAX_SESSIONS: i64 = 10_000;

/// What becomes of the password of a new user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialPassword {
    /// The user must replace it at the first login.
    Temporary,
    Permanent,
}

/// What to change; `None` leaves a value unchanged.
#[derive(Clone, Default)]
pub struct Change {
    /// Not verified until the user proves it.
    pub email: Option<Email>,
    pub roles: Option<Roles>,
    /// Whether login and refresh are rejected.
    pub disabled: Option<bool>,
    pub claims: Option<CustomClaims>,
}

#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("no such user")]
    NoSuchUser,
    #[error(transparent)]
    NotAdministrator(#[from] NotAdministrator),
    #[error("another user has this address")]
    EmailTaken,
    #[error("the user is disabled")]
    UserDisabled,
    #[error("administrators delete their own account elsewhere")]
    OwnAccount,
    #[error(transparent)]
    LastAdministrator(#[from] LastAdministrator),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(Taken::Email) => Self::EmailTaken,
            other => Self::Store(other),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PasswordResetError {
    #[error(transparent)]
    Password(#[from] NewPasswordError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// No enabled administrator would be left.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the last enabled administrator cannot be demoted, disabled or deleted")]
pub struct LastAdministrator;

/// Creates a user without a session, even if registration is closed.
pub async fn create(
    operation: &Operation<'_>,
    hasher: &PasswordHasher,
    new_user: NewUser,
    change: Change,
    password: InitialPassword,
) -> Result<User, RegistrationError> {
    let mut user = hash_password(hasher, new_user, operation.now).await?;
    change.apply(&mut user, operation.now);
    user.temporary_password_expires_at = match password {
        InitialPassword::Temporary => Some(operation.now + TEMPORARY_PASSWORD_LIFETIME),
        InitialPassword::Permanent => None,
    };
    let insert = operation.transaction(move |tx| {
        insert_without_session(tx, &user)?;
        Ok(user)
    });
    insert.await
}

/// The user with this address.
pub async fn by_email(database: &Database, email: Email) -> Result<User, AdminError> {
    let find = move |connection: &mut AnyConnection| users::by_email(connection, &email);
    database.run(find).await?.ok_or(AdminError::NoSuchUser)
}

/// Changes address, roles, claims and status in one transaction. Returns the changed user.
pub async fn change(operation: &Operation<'_>, user: UserId, change: Change) -> Result<User, AdminError> {
    let update = move |tx: &mut Transaction<'_>| {
        let before = find(tx.connection, user)?;
        let mut after = before.clone();
        change.apply(&mut after, tx.now);
        let events = differences(&before, &after, &tx.audit);
        if events.is_empty() {
            return Ok(before);
        }
        // This server decides nothing by custom claims: tokens with the old ones stay valid until they expire.
        if events.iter().any(|event| event.kind != EventType::ClaimsChanged) {
            tx.bump_version(user)?;
        }
        users::set_access(tx.connection, &after)?;
        if before.email != after.email {
            users::change_email(tx.connection, user, &after.email, None)?;
        }
        let is_disabled_now = events.iter().any(|event| event.kind == EventType::UserDisabled);
        for event in events {
            match event.kind {
                EventType::EmailChanged => tx.audit.record_email_change(&before, &after.email, false),
                _ => tx.audit.record(event),
            }
        }
        if is_disabled_now {
            sessions::end_others(tx, user, None, EndReason::UserDisabled)?;
        }
        ensure_administrator_left::<AdminError>(tx.connection, &before)?;
        Ok(after)
    };
    administer(operation, update).await
}

/// Records that the address of a user is theirs. Returns the user.
pub async fn verify_email(operation: &Operation<'_>, user: UserId) -> Result<User, AdminError> {
    let verify = move |tx: &mut Transaction<'_>| {
        find(tx.connection, user)?;
        if users::set_email_verified(tx.connection, user, tx.now)? {
            tx.audit.record(tx.audit.event(EventType::EmailVerified).of_user(user));
        }
        find(tx.connection, user)
    };
    administer(operation, verify).await
}

/// Deletes a user and everything that belongs to them. Their events keep only the id. Administrators cannot delete themselves
/// here.
pub async fn delete(operation: &Operation<'_>, user: UserId) -> Result<(), AdminError> {
    if operation.client.by == Some(Actor::Administrator(user)) {
        return Err(AdminError::OwnAccount);
    }
    let delete = move |tx: &mut Transaction<'_>| {
        if remove::<AdminError>(tx, user)? { Ok(()) } else { Err(AdminError::NoSuchUser) }
    };
    administer(operation, delete).await
}

/// Sets a temporary password of a user and ends all their sessions.
pub async fn reset_password(
    operation: &Operation<'_>,
    hasher: &PasswordHasher,
    user: &User,
    password: SecretString,
) -> Result<(), PasswordResetError> {
    replace_password(operation, hasher, user, password, InitialPassword::Temporary).await
}

/// The same with a password that need not be replaced.
pub async fn set_password(
    operation: &Operation<'_>,
    hasher: &PasswordHasher,
    user: &User,
    password: SecretString,
) -> Result<(), PasswordResetError> {
    replace_password(operation, hasher, user, password, InitialPassword::Permanent).await
}

async fn replace_password(
    operation: &Operation<'_>,
    hasher: &PasswordHasher,
    user: &User,
    password: SecretString,
    kind: InitialPassword,
) -> Result<(), PasswordResetError> {
    let hash = hasher.hash_new(password, user.guessable_words()).await?;
    let user = user.id;
    let reset = move |tx: &mut Transaction<'_>| {
        find(tx.connection, user)?;
        tx.bump_version(user)?;
        match kind {
            InitialPassword::Temporary => {
                let expires_at = tx.now + TEMPORARY_PASSWORD_LIFETIME;
                users::set_temporary_password(tx.connection, user, &hash, expires_at)?;
            }
            InitialPassword::Permanent => users::set_password(tx.connection, user, &hash)?,
        }
        known_origins::forget_all(tx.connection, user)?;
        tx.audit.record(tx.audit.event(EventType::PasswordChanged).of_user(user));
        sessions::end_others(tx, user, None, EndReason::PasswordChanged)?;
        Ok(())
    };
    administer(operation, reset).await
}

/// One page of the active sessions of a user, last used first.
pub async fn sessions(
    database: &Database,
    user: UserId,
    now: DateTime<Utc>,
    cursor: Option<sessions::Cursor>,
    limit: i64,
) -> Result<Page<Session, sessions::Cursor>, AdminError> {
    let read = move |connection: &mut AnyConnection| {
        find(connection, user)?;
        Ok(sessions::page(connection, user, now, cursor, limit)?)
    };
    database.run(read).await
}

/// Ends all sessions of a user and makes their access tokens stale. Returns how many sessions ended.
pub async fn end_sessions(operation: &Operation<'_>, user: UserId) -> Result<usize, AdminError> {
    let end = move |tx: &mut Transaction<'_>| {
        find(tx.connection, user)?;
        Ok(sessions::end_all(tx, user, EndReason::Revoked)?)
    };
    administer(operation, end).await
}

/// Ends all sessions of a user but the one that was opened last. Returns how many sessions ended.
pub async fn end_sessions_but_newest(operation: &Operation<'_>, user: UserId) -> Result<usize, AdminError> {
    let end = move |tx: &mut Transaction<'_>| {
        find(tx.connection, user)?;
        let active = sessions::page(tx.connection, user, tx.now, None, MAX_SESSIONS)?.items;
        let newest = active.iter().max_by_key(|session| session.created_at).map(|session| session.id);
        let mut ended = 0;
        // One by one, and not all but one, which would also end a session that is opened meanwhile.
        for session in active.iter().filter(|session| Some(session.id) != newest) {
            ended += usize::from(sessions::end_one(tx, user, session.id, EndReason::Revoked)?);
        }
        Ok(ended)
    };
    administer(operation, end).await
}

/// Ends one session of a user. Returns `false` if they have no such session or it has ended already.
pub async fn end_session(
    operation: &Operation<'_>,
    user: UserId,
    session: SessionId,
) -> Result<bool, AdminError> {
    let end = move |tx: &mut Transaction<'_>| Ok(sessions::end_one(tx, user, session, EndReason::Revoked)?);
    administer(operation, end).await
}

/// Deletes a user with their sessions and known origins, and everything but the id from their events. What is left of many
/// sessions or events is deleted by [`deletion::finish`]. Returns `false` if there is no such user. The transaction must
/// begin with [`lock_administrators`].
pub fn remove<E>(tx: &mut Transaction<'_>, user: UserId) -> Result<bool, E>
where
    E: From<StoreError> + From<LastAdministrator>,
{
    let Some(before) = users::by_id(tx.connection, user)? else { return Ok(false) };
    tx.bump_version(user)?;
    // A refresh cannot heal these tokens: resource servers must learn of the sessions, not only of the version.
    let ended = sessions_table::end_all(tx.connection, user, None, EndReason::UserDeleted, tx.now)?;
    for session in ended {
        tx.audit.revoke(Revocation::Session(session));
    }
    known_origins::forget_all(tx.connection, user)?;
    users::mark_deleted(tx.connection, user, tx.now)?;
    deletion::start(tx.connection, user)?;
    tx.audit.record_deletion(&before);
    ensure_administrator_left::<E>(tx.connection, &before)?;
    Ok(true)
}

/// A change by an administrator, who must still be one, or by an operator.
pub(super) async fn administer<T, E>(
    operation: &Operation<'_>,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E> + Clone + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: Error + From<AdminError> + From<StoreError> + Send + 'static,
{
    let work = move |tx: &mut Transaction<'_>| {
        lock_administrators(tx.connection)?;
        tx.check_administrator::<AdminError>()?;
        work(tx)
    };
    operation.transaction(work).await
}

/// Must come first in a transaction that ends with [`ensure_administrator_left`]: a concurrent one waits here, and then
/// sees what this one changed.
pub(super) fn lock_administrators(connection: &mut AnyConnection) -> Result<(), StoreError> {
    advisory_locks::acquire(connection, advisory_locks::LAST_ADMINISTRATOR)
}

/// Must come last in the transaction. `before` is the user before the change.
fn ensure_administrator_left<E>(connection: &mut AnyConnection, before: &User) -> Result<(), E>
where
    E: From<StoreError> + From<LastAdministrator>,
{
    // If the user was no administrator, none is lost: there may have been none before.
    if before.is_enabled_administrator() && !users::any_enabled_administrator(connection)? {
        return Err(LastAdministrator.into());
    }
    Ok(())
}

fn find(connection: &mut AnyConnection, user: UserId) -> Result<User, AdminError> {
    users::by_id(connection, user)?.ok_or(AdminError::NoSuchUser)
}

impl Change {
    pub(super) fn apply(self, user: &mut User, now: DateTime<Utc>) {
        if let Some(email) = self.email.filter(|email| *email != user.email) {
            (user.email, user.email_verified_at) = (email, None);
        }
        if let Some(roles) = self.roles {
            user.roles = roles.into_vec();
        }
        if let Some(claims) = self.claims {
            user.claims = claims.into_map();
        }
        match self.disabled {
            // A user who is disabled already keeps the time.
            Some(true) => user.disabled_at = user.disabled_at.or(Some(now)),
            Some(false) => user.disabled_at = None,
            None => {}
        }
    }
}

/// One event for each difference.
fn differences(before: &User, after: &User, audit: &AuditLog) -> Vec<Event> {
    let event = |kind| audit.event(kind).of_user(after.id);
    let mut events = Vec::new();
    if before.email != after.email {
        events.push(event(EventType::EmailChanged));
    }
    if before.claims != after.claims {
        events.push(event(EventType::ClaimsChanged));
    }
    match (before.disabled_at, after.disabled_at) {
        (None, Some(_)) => events.push(event(EventType::UserDisabled)),
        (Some(_), None) => events.push(event(EventType::UserEnabled)),
        (None, None) | (Some(_), Some(_)) => {}
    }
    if sorted(&before.roles) != sorted(&after.roles) {
        let changed = event(EventType::RolesChanged).with("roles", json!(after.roles));
        events.push(changed.with("before", json!(before.roles)));
    }
    events
}

fn sorted(roles: &[Role]) -> Vec<&Role> {
    let mut sorted: Vec<&Role> = roles.iter().collect();
    sorted.sort();
    sorted
}
