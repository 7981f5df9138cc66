//! The second factors of a user: the user's own changes, and the reset by administrators and operators.
//!
//! Every change grows the user's version and ends other sessions, so that a thief who added a factor, or who logged in without
//! one, does not stay.

pub mod apps;
pub mod passkeys;

use chrono::{DateTime, Utc};

use crate::domain::context::Context;
use crate::domain::factors::{self, LOCK, RecoveryCodes};
use crate::domain::operation::{Operation, Transaction};
use crate::domain::passwords::QueueFull;
use crate::domain::sessions::{self, CurrentSession, NotFresh};
use crate::domain::users::admin::{AdminError, administer};
use crate::model::{Actor, ClientInfo, EndReason, EventType, FactorMethod, Mfa, SessionId, User, UserId};
use crate::store::passkeys::{self as stored_passkeys, Passkey};
use crate::store::totp_factors::TotpFactor;
use crate::store::users::FactorFailures;
use crate::store::{
    AnyConnection, Database, StoreError, login_challenges, recovery_codes, totp_factors, users,
};

#[derive(Debug, thiserror::Error)]
pub enum FactorChangeError {
    #[error(transparent)]
    NotFresh(#[from] NotFresh),
    /// `MFA=off`
    #[error("second factors are off")]
    Off,
    /// A password reset by mail would make the factor worthless.
    #[error("the e-mail address must be proved first")]
    EmailUnverified,
    #[error("no such factor")]
    NoSuchFactor,
    #[error("the user has {} authenticator apps", apps::MAX_APPS)]
    TooMany,
    #[error("the user has {} passkeys", passkeys::MAX_PASSKEYS)]
    TooManyPasskeys,
    /// A user has it already.
    #[error("the passkey is registered already")]
    PasskeyTaken,
    #[error("invalid passkey: {0}")]
    InvalidPasskey(#[from] webauthn::Error),
    #[error("wrong code")]
    WrongCode,
    /// There is no factor to turn on, or the last one must remain.
    #[error("a second factor is required")]
    FactorRequired,
    /// Another request changed the user meanwhile.
    #[error("the user was changed during the request")]
    UserChanged,
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a user has.
pub struct Factors {
    pub second_factor: bool,
    /// Confirmed, oldest first.
    pub list: Vec<Factor>,
    pub recovery_codes_left: i64,
    pub totp_locked: bool,
}

pub struct Factor {
    pub id: String,
    pub kind: FactorMethod,
    /// Chosen by the user.
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    /// Of a passkey or security key.
    pub passkey: Option<PasskeyDetails>,
}

pub struct PasskeyDetails {
    pub credential_id: Vec<u8>,
    /// Backed up, so that the loss of a device does not lose it.
    pub is_synced: bool,
    /// Can replace the password.
    pub is_passwordless: bool,
}

/// What a user has. `None` if there is no such user.
pub async fn list(database: &Database, user: UserId) -> Result<Option<Factors>, StoreError> {
    let read = move |connection: &mut AnyConnection| {
        let Some(user) = users::by_id(connection, user)? else { return Ok(None) };
        let apps = totp_factors::of_user(connection, user.id)?;
        let apps = apps.into_iter().filter(|app| app.confirmed_at.is_some());
        let passkeys = stored_passkeys::of_user(connection, user.id)?;
        let mut list: Vec<_> = apps.map(Factor::from).chain(passkeys.into_iter().map(Factor::from)).collect();
        list.sort_by_key(|factor| factor.created_at);
        let FactorFailures { count, .. } = users::factor_failures(connection, user.id)?;
        Ok(Some(Factors {
            second_factor: user.second_factor,
            list,
            recovery_codes_left: recovery_codes::left(connection, user.id)?,
            totp_locked: count >= LOCK,
        }))
    };
    database.run(read).await
}

/// New recovery codes, if the user has none.
pub(super) async fn missing_codes(
    context: &Context,
    user: UserId,
) -> Result<Option<RecoveryCodes>, FactorChangeError> {
    let left = context.database.run(move |connection| recovery_codes::left(connection, user)).await?;
    if left > 0 {
        return Ok(None);
    }
    Ok(Some(RecoveryCodes::generate(&context.hasher).await?))
}

pub(super) fn turn_on(
    tx: &mut Transaction<'_>,
    user: UserId,
    codes: Option<&RecoveryCodes>,
) -> Result<(), FactorChangeError> {
    users::set_second_factor(tx.connection, user, true)?;
    if let Some(codes) = codes {
        codes.store(tx, user)?;
    }
    Ok(())
}

/// Turns the second factor on, which returns recovery codes if the user has none, or off.
pub async fn set_second_factor(
    context: &Context,
    current: &CurrentSession,
    on: bool,
    client: &ClientInfo,
) -> Result<Option<RecoveryCodes>, FactorChangeError> {
    current.require_fresh_login(context.now())?;
    if on {
        check_may_enrol(context, &current.user)?;
    } else if context.policy.mfa == Mfa::Required {
        return Err(FactorChangeError::FactorRequired);
    }
    let user = current.user.clone();
    if user.second_factor == on {
        return Ok(None);
    }
    let codes = if on { missing_codes(context, user.id).await? } else { None };
    let session = current.session.id;
    let change = context.operation(client);
    change
        .transaction(move |tx| {
            lock(tx, &user)?;
            if on {
                if !factors::has_any(tx.connection, user.id)? {
                    return Err(FactorChangeError::FactorRequired);
                }
                turn_on(tx, user.id, codes.as_ref())?;
            } else {
                users::set_second_factor(tx.connection, user.id, false)?;
            }
            let kind = if on { EventType::FactorAdded } else { EventType::FactorRemoved };
            tx.audit.record(tx.audit.event(kind).of_user(user.id).with("method", "second_factor"));
            after_change(tx, user.id, Some(session))?;
            Ok(codes)
        })
        .await
}

pub async fn rename(
    context: &Context,
    current: &CurrentSession,
    id: String,
    name: String,
    client: &ClientInfo,
) -> Result<(), FactorChangeError> {
    current.require_fresh_login(context.now())?;
    let user = current.user.id;
    let rename = move |tx: &mut Transaction<'_>| {
        if totp_factors::rename(tx.connection, user, &id, &name)?
            || stored_passkeys::rename(tx.connection, user, &id, &name)?
        {
            Ok(())
        } else {
            Err(FactorChangeError::NoSuchFactor)
        }
    };
    context.operation(client).transaction(rename).await
}

/// Removes a factor. Without the last one, the second factor is off and the recovery codes are void.
pub async fn remove(
    context: &Context,
    current: &CurrentSession,
    id: String,
    client: &ClientInfo,
) -> Result<(), FactorChangeError> {
    current.require_fresh_login(context.now())?;
    let (user, session) = (current.user.clone(), current.session.id);
    let is_required = context.policy.mfa == Mfa::Required;
    let remove = move |tx: &mut Transaction<'_>| {
        lock(tx, &user)?;
        let method = if totp_factors::delete(tx.connection, user.id, &id)? {
            FactorMethod::Totp
        } else if stored_passkeys::delete(tx.connection, user.id, &id)? {
            FactorMethod::Passkey
        } else {
            return Err(FactorChangeError::NoSuchFactor);
        };
        if !factors::has_any(tx.connection, user.id)? {
            if is_required {
                return Err(FactorChangeError::FactorRequired);
            }
            users::set_second_factor(tx.connection, user.id, false)?;
            recovery_codes::delete_of_user(tx.connection, user.id)?;
        }
        let removed = tx.audit.event(EventType::FactorRemoved).of_user(user.id);
        tx.audit.record(removed.with("method", method.as_str()));
        after_change(tx, user.id, Some(session))
    };
    context.operation(client).transaction(remove).await
}

/// Makes new recovery codes. The old ones are void.
pub async fn make_recovery_codes(
    context: &Context,
    current: &CurrentSession,
    client: &ClientInfo,
) -> Result<RecoveryCodes, FactorChangeError> {
    current.require_fresh_login(context.now())?;
    if !current.has_second_factor {
        return Err(FactorChangeError::FactorRequired);
    }
    let codes = RecoveryCodes::generate(&context.hasher).await?;
    let user = current.user.clone();
    let replace = move |tx: &mut Transaction<'_>| {
        lock(tx, &user)?;
        codes.store(tx, user.id)?;
        Ok(codes)
    };
    context.operation(client).transaction(replace).await
}

/// Removes all factors and recovery codes of a user, and ends all sessions: for a user who has lost all of them. Administrators
/// cannot reset their own.
pub async fn reset(operation: &Operation<'_>, user: UserId) -> Result<(), AdminError> {
    if operation.client.by == Some(Actor::Administrator(user)) {
        return Err(AdminError::OwnAccount);
    }
    let reset = move |tx: &mut Transaction<'_>| {
        if !users::lock(tx.connection, user)? {
            return Err(AdminError::NoSuchUser);
        }
        delete_of_user(tx.connection, user)?;
        users::set_second_factor(tx.connection, user, false)?;
        users::set_factor_failures(tx.connection, user, FactorFailures::default())?;
        tx.audit.record(tx.audit.event(EventType::FactorsReset).of_user(user));
        sessions::end_all(tx, user, EndReason::FactorChanged)?;
        Ok(())
    };
    administer(operation, reset).await
}

/// Also for a user who is deleted.
pub(super) fn delete_of_user(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    login_challenges::delete_of_user(connection, user)?;
    totp_factors::delete_of_user(connection, user)?;
    stored_passkeys::delete_of_user(connection, user)?;
    recovery_codes::delete_of_user(connection, user)
}

fn check_may_enrol(context: &Context, user: &User) -> Result<(), FactorChangeError> {
    if context.policy.mfa == Mfa::Off {
        return Err(FactorChangeError::Off);
    }
    if context.mail_is_on() && user.email_verified_at.is_none() {
        return Err(FactorChangeError::EmailUnverified);
    }
    Ok(())
}

fn lock(tx: &mut Transaction<'_>, user: &User) -> Result<(), FactorChangeError> {
    if users::lock_version(tx.connection, user.id, user.version)? {
        Ok(())
    } else {
        Err(FactorChangeError::UserChanged)
    }
}

/// `others_except`: all sessions of the user but this one end. Without it, none ends.
fn after_change(
    tx: &mut Transaction<'_>,
    user: UserId,
    others_except: Option<SessionId>,
) -> Result<(), FactorChangeError> {
    tx.bump_version(user)?;
    if others_except.is_some() {
        sessions::end_others(tx, user, others_except, EndReason::FactorChanged)?;
    }
    Ok(())
}

impl From<TotpFactor> for Factor {
    fn from(app: TotpFactor) -> Self {
        Self {
            id: app.id,
            kind: FactorMethod::Totp,
            name: app.name,
            created_at: app.created_at.and_utc(),
            last_used_at: app.last_used_at.map(|at| at.and_utc()),
            passkey: None,
        }
    }
}

impl From<Passkey> for Factor {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id,
            kind: FactorMethod::Passkey,
            name: passkey.name,
            created_at: passkey.created_at.and_utc(),
            last_used_at: passkey.last_used_at.map(|at| at.and_utc()),
            passkey: Some(PasskeyDetails {
                credential_id: passkey.credential_id,
                is_synced: passkey.backed_up,
                is_passwordless: passkey.discoverable,
            }),
        }
    }
}
