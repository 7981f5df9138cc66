//! Password verification, for login and reauthentication: throttled, hashed on the pool, recorded if it fails.

use std::sync::Arc;

use secrecy::SecretString;

use crate::domain::context::Context;
use crate::domain::operation::Transaction;
use crate::domain::passwords::{
    AdmittedAttempt, Check, KeyedPermit, QueueFull, ThrottleError, TooManyFailures,
};
use crate::model::{ClientInfo, Email, Event, EventType, PasswordHash, User, UserId, Username};
use crate::store::{AnyConnection, StoreError, users};

pub struct Credentials {
    pub identifier: Identifier,
    pub password: SecretString,
}

/// What a user logs in with. A username never contains an `@`, an e-mail address always does.
#[derive(Clone)]
pub enum Identifier {
    Email(Email),
    Username(Username),
}

/// A user whose password was correct. Keep it until the transaction that relies on it is committed: it holds a permit of
/// the throttle, and other attempts wait to see whether this one counts as a failure.
#[derive(Clone)]
pub struct VerifiedPassword {
    /// The user as they were when the password was checked.
    pub user: User,
    rehashed: Option<PasswordHash>,
    attempt: AdmittedAttempt,
    _permit: Arc<KeyedPermit>,
}

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Unknown user, wrong or expired password, or disabled user. Clients cannot tell which.
    #[error("invalid credentials")]
    Wrong,
    /// The password was correct, but another request changed the user during the check.
    #[error("the user was changed during the password check")]
    UserChanged,
    #[error(transparent)]
    TooManyFailures(#[from] TooManyFailures),
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ThrottleError> for PasswordError {
    fn from(error: ThrottleError) -> Self {
        match error {
            ThrottleError::TooManyFailures(error) => error.into(),
            ThrottleError::Store(error) => error.into(),
        }
    }
}

/// The user with this login name, if one of their earlier logins set the device token that the client sent.
pub async fn find_user_of_device(
    context: &Context,
    identifier: &Identifier,
    client: &ClientInfo,
) -> Result<Option<UserId>, StoreError> {
    if client.device.is_none() {
        return Ok(None);
    }
    let (identifier, attempt) = (identifier.clone(), context.throttle.attempt(identifier.as_str(), client));
    let find = move |connection: &mut AnyConnection| {
        let user = identifier.find(connection)?.map(|user| user.id);
        let is_known = attempt.is_on_known_device(connection, user)?;
        Ok(user.filter(|_| is_known))
    };
    context.database.run(find).await
}

/// Verifies a password. A wrong one is recorded as `failure`.
pub async fn verify(
    context: &Context,
    Credentials { identifier, password }: Credentials,
    client: &ClientInfo,
    failure: EventType,
) -> Result<VerifiedPassword, PasswordError> {
    let attempt = context.throttle.attempt(identifier.as_str(), client);
    // Before anything else is reserved: waiting for a permit must not block other users.
    let permit = context.throttle.permit(&attempt).await;
    // Before the database is used: under a flood of logins, rejected ones must stay cheap and leave the connections to
    // refreshes.
    let slot = context.hasher.reserve()?;
    let now = context.now();
    let check = move |connection: &mut AnyConnection| {
        let user = identifier.find(connection)?;
        let admitted = attempt.check(connection, user.as_ref().map(|user| user.id), now)?;
        Ok::<_, PasswordError>((user, admitted))
    };
    let (user, attempt) = context.database.run(check).await?;
    let reserving = attempt.clone();
    context
        .database
        .transaction(move |connection| Ok::<_, PasswordError>(reserving.reserve(connection)?))
        .await?;
    // An unknown user costs as much time: the hasher checks a dummy hash.
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let check = context.hasher.check(slot, password.clone(), hash).await?;
    let user_id = user.as_ref().map(|user| user.id);
    let Some(user) = user.filter(|user| user.can_log_in(now) && check != Check::Wrong) else {
        let record = move |tx: &mut Transaction<'_>| record_event(tx, user_id, failure);
        context.operation(client).transaction(record).await?;
        return Err(PasswordError::Wrong);
    };
    let rehashed = match check {
        // If the queue is full, a later login rehashes it.
        Check::CorrectButOutdated => context.hasher.hash(password).await.ok(),
        Check::Correct | Check::Wrong => None,
    };
    Ok(VerifiedPassword { user, rehashed, attempt, _permit: Arc::new(permit) })
}

impl Credentials {
    /// For a user who is logged in already.
    pub fn of(user: &User, password: SecretString) -> Self {
        Self { identifier: Identifier::Email(user.email.clone()), password }
    }
}

impl Identifier {
    fn as_str(&self) -> &str {
        match self {
            Self::Email(email) => email.as_str(),
            Self::Username(username) => username.as_str(),
        }
    }

    fn find(&self, connection: &mut AnyConnection) -> Result<Option<User>, StoreError> {
        match self {
            Self::Email(email) => users::by_email(connection, email),
            Self::Username(username) => users::by_username(connection, username),
        }
    }
}

impl VerifiedPassword {
    /// Call this first in the transaction. Locks the user's row and, if the password is all that is required, records the login;
    /// fails if the user changed since the
    /// password was verified. The lock keeps such a change out until the commit.
    ///
    /// # Errors
    /// [`PasswordError::UserChanged`] or [`PasswordError::Wrong`], or the database failed.
    pub fn lock_user(&self, tx: &mut Transaction<'_>, is_login: bool) -> Result<(), PasswordError> {
        let (user, connection) = (&self.user, &mut *tx.connection);
        let is_unchanged = if is_login {
            users::record_login(connection, user.id, user.version, self.rehashed.as_ref(), tx.now)?
        } else {
            users::lock_version(connection, user.id, user.version)?
        };
        if !is_unchanged {
            // A logout everywhere or a new role changes the user too, but "wrong password" would be false then.
            let is_same_password = users::by_id(connection, user.id)?.is_some_and(|now| {
                now.disabled_at.is_none() && now.password_hash.is_same(&user.password_hash)
            });
            return Err(if is_same_password { PasswordError::UserChanged } else { PasswordError::Wrong });
        }
        Ok(self.attempt.clear(connection)?)
    }

    /// For requests that fail for another reason: the password was correct, so the attempt is not a failure.
    pub async fn forget_failure(&self, context: &Context) -> Result<(), StoreError> {
        let attempt = self.attempt.clone();
        context.database.transaction(move |connection| attempt.clear(connection)).await
    }

    /// Whether an earlier login of this user set the device token that the client sent.
    pub fn device_is_known(&self) -> bool {
        self.attempt.device_is_known
    }
}

/// Records a failed attempt whose password was verified, but not in time.
pub async fn record_failure(
    context: &Context,
    user: UserId,
    client: &ClientInfo,
    failure: EventType,
) -> Result<(), StoreError> {
    let operation = context.operation(client);
    operation.transaction(move |tx| record_event(tx, Some(user), failure)).await
}

/// For an unknown user the event does not contain the login name: it may be a password typed into the wrong field.
fn record_event(
    tx: &mut Transaction<'_>,
    user: Option<UserId>,
    failure: EventType,
) -> Result<(), StoreError> {
    let event = Event { user, ..tx.audit.event(failure) };
    // A user who was deleted during the check leaves only the id. The lock keeps a later deletion out.
    let is_deleted = match user {
        Some(id) => !users::lock(tx.connection, id)?,
        None => false,
    };
    tx.audit.record(if is_deleted { event.without_origin() } else { event });
    Ok(())
}
