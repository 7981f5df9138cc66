//! Every check of a password, at login or later: throttled, one at a time on the hashing pool, and noted where it fails.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::domain::audit::AuditLog;
use crate::domain::context::Context;
use crate::domain::passwords::QueueFull;
use crate::domain::passwords::hasher::Check;
use crate::domain::passwords::keyed_semaphore::KeyedPermit;
use crate::domain::passwords::throttle::{LoginAttempt, TooManyFailures};
use crate::model::{ClientInfo, Email, Event, EventType, PasswordHash, User, UserId, Username};
use crate::store::{AnyConnection, StoreError, users};

/// Whom somebody says to be.
#[derive(Clone)]
pub enum Identifier {
    /// Actor address.
    Email(Email),
    /// Actor name.
    Username(Username),
}

/// Somebody who has given the right password, as the database had them at that moment. To be kept until what builds on it
/// is committed: others wait to learn whether the attempt counts as a failure.
pub struct VerifiedPassword {
    /// Who.
    pub user: User,
    rehashed: Option<PasswordHash>,
    attempt: LoginAttempt,
    _permit: KeyedPermit,
}

/// Why nobody has proved anything.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Unknown, wrong, or disabled: callers are not told which.
    #[error("invalid credentials")]
    Wrong,
    /// The person's record changed while the right password was being checked, and the password did not.
    #[error("the person's record changed during the password check")]
    RecordChanged,
    /// Too many were wrong before this one.
    #[error(transparent)]
    TooManyFailures(#[from] TooManyFailures),
    /// Too many passwords are waiting to be checked.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// The database gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks somebody's password. `failure` is what it is called when it is wrong.
///
/// # Errors
/// See [`PasswordError`].
pub async fn check(
    context: &Context,
    identifier: Identifier,
    password: SecretString,
    requester: &ClientInfo,
    failure: EventType,
) -> Result<VerifiedPassword, PasswordError> {
    let account = context.throttle.login_key(identifier.text());
    // First of all, since whoever waits must not keep others waiting.
    let permit = context.throttle.permit(&account, requester).await;
    // Before the database is asked: who is refused in a flood of logins must cost as little as can be, and keep
    // no connection from those who refresh.
    let slot = context.passwords.reserve()?;
    let asks = requester.clone();
    let now = context.now();
    let (user, attempt) = context
        .database
        .run(move |connection| {
            let user = find(connection, &identifier)?;
            let id = user.as_ref().map(|user| user.id);
            let attempt = LoginAttempt::check(connection, account, id, &asks, now)??;
            Ok::<_, PasswordError>((user, attempt))
        })
        .await?;
    let passing = attempt.clone();
    context
        .database
        .transaction(move |connection| Ok::<_, PasswordError>(passing.reserve(connection, now)??))
        .await?;
    let user_id = user.as_ref().map(|user| user.id);
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    // Without a person a stand-in is checked, so that the answer takes as long.
    let check = context.passwords.check(slot, password.clone(), hash).await?;
    let Some(user) = user.filter(|user| user.disabled_at.is_none() && check != Check::Wrong) else {
        let work = move |connection: &mut AnyConnection, audit: &mut AuditLog| {
            note(connection, audit, user_id, failure)?;
            attempt.record_failure(connection, now)
        };
        context.transaction(requester, work).await?;
        return Err(PasswordError::Wrong);
    };
    let rehashed = match check {
        // Should there be no slot for it now, another login will do it.
        Check::RightButOutdated => context.passwords.hash(password).await.ok(),
        Check::Right | Check::Wrong => None,
    };
    Ok(VerifiedPassword { user, rehashed, attempt, _permit: permit })
}

impl Identifier {
    /// A username has no `@`, and an address has one.
    fn text(&self) -> &str {
        match self {
            Self::Email(email) => email.as_str(),
            Self::Username(username) => username.as_str(),
        }
    }
}

impl VerifiedPassword {
    /// Comes first in the transaction that builds on the proof: notes it, if the person's record is still the one that the
    /// password was checked against. The row stays locked until the end, so that no change of it slips in between.
    ///
    /// # Errors
    /// The record has changed: there is no proof any more. Or the database failed.
    pub fn lock_user(&self, connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<(), PasswordError> {
        let user = &self.user;
        if !users::record_login(connection, user.id, user.version, self.rehashed.as_ref(), now)? {
            // Somebody logged out everywhere at this moment, or got another role: "wrong password" would be a lie.
            let same = users::by_id(connection, user.id)?.is_some_and(|now| {
                now.disabled_at.is_none() && now.password_hash.is_same(&user.password_hash)
            });
            return Err(if same { PasswordError::RecordChanged } else { PasswordError::Wrong });
        }
        Ok(self.attempt.clear(connection)?)
    }

    /// The password was right, whatever else is wrong: it is not counted as a failure.
    ///
    /// # Errors
    /// The database failed.
    pub async fn forget_failure(&self, context: &Context) -> Result<(), StoreError> {
        let attempt = self.attempt.clone();
        context.database.transaction(move |connection| attempt.clear(connection)).await
    }

    /// Whether an earlier login of this person left the token that the device showed.
    #[must_use]
    pub fn device_is_known(&self) -> bool {
        self.attempt.device_is_known()
    }
}

/// Notes that somebody was refused. Whom it was meant for is left out where no such person exists: people type passwords
/// into the wrong field.
///
/// # Errors
/// The database failed.
pub async fn note_failure(
    context: &Context,
    user: Option<UserId>,
    requester: &ClientInfo,
    failure: EventType,
) -> Result<(), StoreError> {
    let work =
        move |connection: &mut AnyConnection, audit: &mut AuditLog| note(connection, audit, user, failure);
    context.transaction(requester, work).await
}

fn note(
    connection: &mut AnyConnection,
    audit: &mut AuditLog,
    user: Option<UserId>,
    failure: EventType,
) -> Result<(), StoreError> {
    let event = Event { user, ..audit.event(failure) };
    // Who is deleted while the password is being checked leaves no more than an id, and cannot be from here on.
    let is_gone = match user {
        Some(id) => !users::lock(connection, id)?,
        None => false,
    };
    audit.record(if is_gone { event.without_origin() } else { event });
    Ok(())
}

/// Whoever has this address or name.
pub fn find(connection: &mut AnyConnection, identifier: &Identifier) -> Result<Option<User>, StoreError> {
    match identifier {
        Identifier::Email(email) => users::by_email(connection, email),
        Identifier::Username(username) => users::by_username(connection, username),
    }
}
