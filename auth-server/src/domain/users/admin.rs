//! What administrators and operators do about people: `requester.by` says who, and stands in every event.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::domain::audit::{self, AuditLog};
use crate::domain::passwords::{Passwords, QueueFull, WeakPassword};
use crate::domain::sessions::active;
use crate::domain::sessions::logout::end_all;
use crate::domain::users::last_admin::{self, LastAdministrator};
use crate::domain::users::profile::remove;
use crate::domain::users::registration::{NewPerson, RegistrationError, hashed};
use crate::model::{
    Actor, ClientInfo, CustomClaims, EndReason, EventType, Role, Roles, Session, SessionId, User, UserId,
};
use crate::store::{AnyConnection, Database, StoreError, known_origins, sessions, users};

/// What is to be different; what is not given stays.
#[derive(Default)]
pub struct Change {
    /// What the person may do.
    pub roles: Option<Roles>,
    /// Whether they are kept out.
    pub disabled: Option<bool>,
    /// What their access tokens say beside our own claims.
    pub claims: Option<CustomClaims>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AdministrationError {
    /// Never was, or is gone.
    #[error("there is no such person")]
    NoSuchPerson,
    /// Whoever asks was demoted or disabled at this very moment.
    #[error("whoever asks is no administrator any more")]
    NotAdministrator,
    /// Nobody would be left to administer.
    #[error(transparent)]
    LastAdministrator(#[from] LastAdministrator),
    /// The database gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the password stayed as it was.
#[derive(Debug, thiserror::Error)]
pub enum PasswordResetError {
    /// Too short, too long or too easy to guess.
    #[error("the password {0}")]
    Weak(WeakPassword),
    /// Too many passwords are waiting to be hashed.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// It could not be written.
    #[error(transparent)]
    Administration(#[from] AdministrationError),
}

/// Makes a person without a session. Open whatever `REGISTRATION` says.
///
/// # Errors
/// See [`RegistrationError`].
pub async fn create(
    database: &Database,
    passwords: &Passwords,
    person: NewPerson,
    change: Change,
    requester: &ClientInfo,
    now: DateTime<Utc>,
) -> Result<User, RegistrationError> {
    let mut user = hashed(passwords, person, now).await?;
    change.apply(&mut user, now);
    let insert = move |connection: &mut AnyConnection, audit: &mut AuditLog| {
        users::insert(connection, &user)?;
        audit.record(audit.event(EventType::Registered).of_user(user.id));
        Ok::<_, StoreError>(user)
    };
    Ok(audit::transaction(database, now, requester, insert).await?.value)
}

/// Changes roles, claims and status, all or nothing. Returns the person as they are now.
///
/// # Errors
/// See [`AdministrationError`].
pub async fn change(
    database: &Database,
    user: UserId,
    change: Change,
    requester: &ClientInfo,
    now: DateTime<Utc>,
) -> Result<User, AdministrationError> {
    administer(database, requester, now, move |connection, audit| {
        let before = users::by_id(connection, user)?.ok_or(AdministrationError::NoSuchPerson)?;
        let mut after = before.clone();
        change.apply(&mut after, now);
        let difference = Difference::between(&before, &after);
        if !difference.is_any() {
            return Ok(before);
        }
        // The person's row first: a login that is under way waits for it, and then finds its version gone.
        if difference.makes_stale() {
            audit::bump_version(connection, audit, user)?;
        }
        users::set_access(connection, &after)?;
        difference.note(audit, &before, &after);
        if difference.disabled {
            let ended = sessions::end_all(connection, user, None, EndReason::UserDisabled, now)?;
            audit.record_ended(ended, user, EndReason::UserDisabled);
        }
        last_admin::ensure_one_left::<AdministrationError>(connection, &before)?;
        Ok(after)
    })
    .await
}

/// Deletes a person with everything that belongs to them. Their events keep no more than the id.
///
/// # Errors
/// See [`AdministrationError`].
pub async fn delete(
    database: &Database,
    user: UserId,
    requester: &ClientInfo,
    now: DateTime<Utc>,
) -> Result<(), AdministrationError> {
    administer(database, requester, now, move |connection, audit| {
        if remove::<AdministrationError>(connection, audit, user)? {
            Ok(())
        } else {
            Err(AdministrationError::NoSuchPerson)
        }
    })
    .await
}

/// Gives a person another password, which ends all their sessions.
///
/// # Errors
/// See [`PasswordResetError`].
pub async fn reset_password(
    database: &Database,
    passwords: &Passwords,
    user: &User,
    password: SecretString,
    requester: &ClientInfo,
    now: DateTime<Utc>,
) -> Result<(), PasswordResetError> {
    let hash = passwords.hash_if_strong(password, user.guessable_words()).await?;
    let hash = hash.map_err(PasswordResetError::Weak)?;
    let user = user.id;
    let reset = administer(database, requester, now, move |connection, audit| {
        users::by_id(connection, user)?.ok_or(AdministrationError::NoSuchPerson)?;
        audit::bump_version(connection, audit, user)?;
        users::set_password(connection, user, &hash)?;
        known_origins::forget_all(connection, user)?;
        audit.record(audit.event(EventType::PasswordChanged).of_user(user));
        let ended = sessions::end_all(connection, user, None, EndReason::PasswordChanged, now)?;
        audit.record_ended(ended, user, EndReason::PasswordChanged);
        Ok(())
    });
    Ok(reset.await?)
}

/// The living sessions of a person, last used first.
///
/// # Errors
/// [`AdministrationError::NoSuchPerson`], or the database failed.
pub async fn sessions(
    database: &Database,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<Session>, AdministrationError> {
    let read = move |connection: &mut AnyConnection| {
        users::by_id(connection, user)?.ok_or(AdministrationError::NoSuchPerson)?;
        Ok(sessions::active(connection, user, now)?)
    };
    database.run(read).await
}

/// Ends all sessions of a person, and makes their access tokens stale. Returns how many were alive.
///
/// # Errors
/// See [`AdministrationError`].
pub async fn end_sessions(
    database: &Database,
    user: UserId,
    requester: &ClientInfo,
    now: DateTime<Utc>,
) -> Result<usize, AdministrationError> {
    administer(database, requester, now, move |connection, audit| {
        users::by_id(connection, user)?.ok_or(AdministrationError::NoSuchPerson)?;
        Ok(end_all(connection, audit, user, EndReason::Revoked, now)?)
    })
    .await
}

/// Ends one session of a person. `false` where they have no such session, or it was over already.
///
/// # Errors
/// See [`AdministrationError`].
pub async fn end_session(
    database: &Database,
    user: UserId,
    session: SessionId,
    requester: &ClientInfo,
    now: DateTime<Utc>,
) -> Result<bool, AdministrationError> {
    administer(database, requester, now, move |connection, audit| {
        Ok(active::end_one(connection, audit, user, session, EndReason::Revoked, now)?)
    })
    .await
}

/// One change at a time: of two administrators who demote each other at the same moment the second finds that it is none
/// any more.
async fn administer<T: Send + 'static>(
    database: &Database,
    requester: &ClientInfo,
    now: DateTime<Utc>,
    work: impl FnOnce(&mut AnyConnection, &mut AuditLog) -> Result<T, AdministrationError> + Send + 'static,
) -> Result<T, AdministrationError> {
    let by = requester.by;
    let work = move |connection: &mut AnyConnection, audit: &mut AuditLog| {
        last_admin::lock(connection)?;
        if let Some(Actor::Administrator(id)) = by {
            let asks = users::by_id(connection, id)?;
            if !asks.is_some_and(|asks| asks.is_enabled_administrator()) {
                return Err(AdministrationError::NotAdministrator);
            }
        }
        work(connection, audit)
    };
    Ok(audit::transaction(database, now, requester, work).await?.value)
}

impl Change {
    fn apply(self, user: &mut User, now: DateTime<Utc>) {
        if let Some(roles) = self.roles {
            user.roles = roles.into_vec();
        }
        if let Some(claims) = self.claims {
            user.claims = claims.into_map();
        }
        match self.disabled {
            // Since when, stays.
            Some(true) => user.disabled_at = user.disabled_at.or(Some(now)),
            Some(false) => user.disabled_at = None,
            None => {}
        }
    }
}

/// What a change changes.
#[expect(clippy::struct_excessive_bools, reason = "each is one event")]
struct Difference {
    roles: bool,
    claims: bool,
    disabled: bool,
    enabled: bool,
}

impl Difference {
    fn between(before: &User, after: &User) -> Self {
        Self {
            roles: sorted(&before.roles) != sorted(&after.roles),
            claims: before.claims != after.claims,
            disabled: before.disabled_at.is_none() && after.disabled_at.is_some(),
            enabled: before.disabled_at.is_some() && after.disabled_at.is_none(),
        }
    }

    fn is_any(&self) -> bool {
        self.roles || self.claims || self.disabled || self.enabled
    }

    /// Claims alone decide nothing here: tokens that say otherwise are good until they end.
    fn makes_stale(&self) -> bool {
        self.roles || self.disabled || self.enabled
    }

    fn note(&self, audit: &mut AuditLog, before: &User, after: &User) {
        let mut note = |kind| audit.record(audit.event(kind).of_user(after.id));
        if self.claims {
            note(EventType::ClaimsChanged);
        }
        if self.disabled {
            note(EventType::UserDisabled);
        }
        if self.enabled {
            note(EventType::UserEnabled);
        }
        if self.roles {
            let event = audit.event(EventType::RolesChanged).of_user(after.id);
            audit.record(event.with("roles", names(&after.roles)).with("before", names(&before.roles)));
        }
    }
}

fn sorted(roles: &[Role]) -> Vec<&Role> {
    let mut sorted: Vec<&Role> = roles.iter().collect();
    sorted.sort();
    sorted
}

fn names(roles: &[Role]) -> Vec<&str> {
    roles.iter().map(Role::as_str).collect()
}
