//! Authenticator apps of a user.

use chrono::TimeDelta;
use secrecy::SecretString;

use super::{FactorChangeError, after_change, check_may_enrol, lock, missing_codes, turn_on};
use crate::domain::context::Context;
use crate::domain::factors::{RecoveryCodes, Totp};
use crate::domain::operation::Transaction;
use crate::domain::sessions::CurrentSession;
use crate::model::{ClientInfo, EventType, FactorMethod, UserId};
use crate::store::totp_factors::TotpFactor;
use crate::store::{AnyConnection, StoreError, totp_factors, users};

/// Apps of one user.
pub const MAX_APPS: usize = 5;
/// Until a new app must be confirmed.
pub const CONFIRMATION: TimeDelta = TimeDelta::minutes(10);

/// A new authenticator app that is not confirmed yet.
pub struct NewApp {
    pub id: String,
    pub totp: Totp,
}

/// Makes the secret of a new app. It has no effect until [`confirm_app`].
pub async fn add_app(
    context: &Context,
    current: &CurrentSession,
    name: Option<String>,
    client: &ClientInfo,
) -> Result<NewApp, FactorChangeError> {
    current.require_fresh_login(context.now())?;
    check_may_enrol(context, &current.user)?;
    let user = current.user.id;
    let operation = context.operation(client);
    let (app, row) = new_app(context, user, name)?;
    operation
        .transaction(move |tx| {
            users::lock(tx.connection, user)?;
            insert_app(tx, &row)
        })
        .await?;
    Ok(app)
}

/// Confirms a new app by its first code, which is spent. The user has a second factor from now on. Returns recovery codes if the
/// user had none.
pub async fn confirm_app(
    context: &Context,
    current: &CurrentSession,
    id: String,
    code: &SecretString,
    end_other_sessions: bool,
    client: &ClientInfo,
) -> Result<Option<RecoveryCodes>, FactorChangeError> {
    current.require_fresh_login(context.now())?;
    check_may_enrol(context, &current.user)?;
    let user = current.user.clone();
    let (open, step) = unconfirmed_step(context, user.id, code).await?;
    if open != id {
        return Err(FactorChangeError::NoSuchFactor);
    }
    let codes = missing_codes(context, user.id).await?;
    let session = end_other_sessions.then_some(current.session.id);
    let confirm = context.operation(client);
    confirm
        .transaction(move |tx| {
            lock(tx, &user)?;
            confirm_in(tx, user.id, &id, step, codes.as_ref())?;
            after_change(tx, user.id, session)?;
            Ok(codes)
        })
        .await
}

/// Makes a row for a new app.
pub(in crate::domain::users) fn new_app(
    context: &Context,
    user: UserId,
    name: Option<String>,
) -> Result<(NewApp, TotpFactor), FactorChangeError> {
    let encryption = context.totp_encryption.as_ref().ok_or(FactorChangeError::Off)?;
    let totp = Totp::random();
    let row =
        totp.clone().into_factor(user, name, encryption, context.now()).ok_or(FactorChangeError::Off)?;
    Ok((NewApp { id: row.id.clone(), totp }, row))
}

/// Inserts it in place of one that was not confirmed. The transaction has locked the user's row.
pub(in crate::domain::users) fn insert_app(
    tx: &mut Transaction<'_>,
    row: &TotpFactor,
) -> Result<(), FactorChangeError> {
    let user: UserId = row.user_id.parse().map_err(|_| FactorChangeError::UserChanged)?;
    let apps = totp_factors::of_user(tx.connection, user)?;
    for unconfirmed in apps.iter().filter(|app| app.confirmed_at.is_none()) {
        totp_factors::delete(tx.connection, user, &unconfirmed.id)?;
    }
    if apps.iter().filter(|app| app.confirmed_at.is_some()).count() >= MAX_APPS {
        return Err(FactorChangeError::TooMany);
    }
    Ok(totp_factors::insert(tx.connection, row)?)
}

/// The app of a user that is not confirmed, and the time step of its first code.
pub(in crate::domain::users) async fn unconfirmed_step(
    context: &Context,
    user: UserId,
    code: &SecretString,
) -> Result<(String, i64), FactorChangeError> {
    let apps = context.database.run(move |connection| totp_factors::of_user(connection, user)).await?;
    let since = (context.now() - CONFIRMATION).naive_utc();
    let is_open = |app: &&TotpFactor| app.confirmed_at.is_none() && app.created_at > since;
    let app = apps.iter().find(is_open).ok_or(FactorChangeError::NoSuchFactor)?;
    let encryption = context.totp_encryption.as_ref().ok_or(FactorChangeError::Off)?;
    let totp = Totp::of_factor(app, encryption).ok_or(FactorChangeError::NoSuchFactor)?;
    let step = totp.matching_step(code, context.now()).ok_or(FactorChangeError::WrongCode)?;
    Ok((app.id.clone(), step))
}

/// Confirms the app and turns the second factor on.
pub(in crate::domain::users) fn confirm_in(
    tx: &mut Transaction<'_>,
    user: UserId,
    id: &str,
    step: i64,
    codes: Option<&RecoveryCodes>,
) -> Result<(), FactorChangeError> {
    if !totp_factors::confirm(tx.connection, id, step, tx.now)? {
        return Err(FactorChangeError::NoSuchFactor);
    }
    let added = tx.audit.event(EventType::FactorAdded).of_user(user);
    tx.audit.record(added.with("method", FactorMethod::Totp.as_str()));
    turn_on(tx, user, codes)
}

/// Encrypts the secrets of apps anew after a change of `KEY_ENCRYPTION_SECRET`. Returns how many.
pub async fn reencrypt(context: &Context) -> Result<usize, StoreError> {
    const BATCH: i64 = 100;
    let Some(encryption) = &context.totp_encryption else { return Ok(0) };
    let (mut count, mut after) = (0, String::new());
    loop {
        let (key_id, from) = (encryption.key_id().to_owned(), after);
        let load = move |connection: &mut AnyConnection| {
            totp_factors::encrypted_otherwise(connection, &key_id, &from, BATCH)
        };
        let apps = context.database.run(load).await?;
        let Some(last) = apps.last() else { return Ok(count) };
        after = last.id.clone();
        for app in apps {
            let new = Totp::of_factor(&app, encryption).and_then(|totp| totp.encrypt(&app.id, encryption));
            let Some(new) = new else {
                log::error!(
                    "the secret of authenticator app {} cannot be decrypted: set the secret that encrypted it as KEY_ENCRYPTION_SECRET_PREVIOUS",
                    app.id
                );
                continue;
            };
            let replace =
                move |connection: &mut AnyConnection| totp_factors::reencrypt(connection, &app, &new);
            count += usize::from(context.database.transaction(replace).await?);
        }
    }
}
