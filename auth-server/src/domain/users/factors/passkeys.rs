//! Passkeys and security keys of a user.

use serde_json::Value;
use uuid::Uuid;
use webauthn::{Kind, Registration, RegistrationResponse};

use super::{Factor, FactorChangeError, after_change, check_may_enrol, lock, missing_codes, turn_on};
use crate::domain::context::Context;
use crate::domain::factors::RecoveryCodes;
use crate::domain::operation::Transaction;
use crate::domain::passkeys::{self as ceremonies, Passkeys};
use crate::domain::sessions::CurrentSession;
use crate::model::{ClientInfo, EventType, FactorMethod, User, UserId};
use crate::store::passkeys::Passkey;
use crate::store::{AnyConnection, StoreError, passkeys};

/// Passkeys and security keys of one user.
pub const MAX_PASSKEYS: usize = 20;

/// A verified credential that is not in the database yet.
#[derive(Clone)]
pub struct NewPasskey {
    row: Passkey,
    challenge: Vec<u8>,
}

/// The options for `navigator.credentials.create`.
pub async fn creation_options(
    context: &Context,
    current: &CurrentSession,
    kind: Kind,
) -> Result<Value, FactorChangeError> {
    current.require_fresh_login(context.now())?;
    check_may_enrol(context, &current.user)?;
    options(context, &current.user, kind, &binding(current)).await
}

/// Adds the credential that the browser created. A security key turns the second factor on, which returns recovery codes if the
/// user had none; a passkey leaves it as it is.
pub async fn add(
    context: &Context,
    current: &CurrentSession,
    response: &RegistrationResponse,
    name: Option<String>,
    client: &ClientInfo,
) -> Result<(Factor, Option<RecoveryCodes>), FactorChangeError> {
    current.require_fresh_login(context.now())?;
    check_may_enrol(context, &current.user)?;
    let new = verify(context, current.user.id, response, &binding(current), name)?;
    let factor = Factor::from(new.row.clone());
    let turns_on = !new.row.discoverable;
    let user = current.user.clone();
    let codes = if turns_on { missing_codes(context, user.id).await? } else { None };
    let session = current.session.id;
    let insert = move |tx: &mut Transaction<'_>| {
        lock(tx, &user)?;
        new.insert(tx, user.id)?;
        if turns_on {
            turn_on(tx, user.id, codes.as_ref())?;
        }
        after_change(tx, user.id, Some(session))?;
        Ok::<_, FactorChangeError>(codes)
    };
    let codes = context.operation(client).transaction(insert).await?;
    Ok((factor, codes))
}

/// `binding`: the session or the login.
pub(in crate::domain::users) async fn options(
    context: &Context,
    user: &User,
    kind: Kind,
    binding: &[u8],
) -> Result<Value, FactorChangeError> {
    let existing = of_user(context, user.id).await?;
    Ok(enabled(context)?.creation_options(user, kind, binding, &existing, context.now()))
}

pub(in crate::domain::users) fn verify(
    context: &Context,
    user: UserId,
    response: &RegistrationResponse,
    binding: &[u8],
    name: Option<String>,
) -> Result<NewPasskey, FactorChangeError> {
    let (kind, registration) = enabled(context)?.verify_new(response, binding, context.now())?;
    Ok(NewPasskey::new(user, kind, registration, name, context))
}

pub(in crate::domain::users) async fn of_user(
    context: &Context,
    user: UserId,
) -> Result<Vec<Passkey>, StoreError> {
    context.database.run(move |connection: &mut AnyConnection| passkeys::of_user(connection, user)).await
}

impl NewPasskey {
    fn new(
        user: UserId,
        kind: Kind,
        registration: Registration,
        name: Option<String>,
        context: &Context,
    ) -> Self {
        let default_name = match kind {
            Kind::Passkey => "Passkey",
            Kind::SecurityKey => "Security key",
        };
        let row = Passkey {
            id: Uuid::new_v4().to_string(),
            user_id: user.to_string(),
            credential_id: registration.credential_id,
            public_key: registration.public_key,
            algorithm: registration.algorithm.number(),
            sign_count: registration.sign_count.into(),
            user_verified: registration.user_verified,
            backup_eligible: registration.backup_eligible,
            backed_up: registration.backed_up,
            discoverable: kind == Kind::Passkey,
            transports: serde_json::json!(registration.transports).to_string(),
            aaguid: registration.aaguid.to_vec(),
            name: name.unwrap_or_else(|| default_name.to_owned()),
            created_at: context.now().naive_utc(),
            last_used_at: None,
        };
        Self { row, challenge: registration.challenge }
    }

    /// The transaction has locked the user's row.
    pub(in crate::domain::users) fn insert(
        &self,
        tx: &mut Transaction<'_>,
        user: UserId,
    ) -> Result<(), FactorChangeError> {
        if passkeys::of_user(tx.connection, user)?.len() >= MAX_PASSKEYS {
            return Err(FactorChangeError::TooManyPasskeys);
        }
        if !ceremonies::spend(tx, &self.challenge)? {
            return Err(webauthn::Error::UnknownChallenge.into());
        }
        if !passkeys::insert(tx.connection, &self.row)? {
            return Err(FactorChangeError::PasskeyTaken);
        }
        let added = tx.audit.event(EventType::FactorAdded).of_user(user);
        tx.audit.record(added.with("method", FactorMethod::Passkey.as_str()));
        Ok(())
    }
}

fn enabled(context: &Context) -> Result<&Passkeys, FactorChangeError> {
    context.passkeys.as_deref().ok_or(FactorChangeError::Off)
}

fn binding(current: &CurrentSession) -> Vec<u8> {
    current.session.id.to_string().into_bytes()
}
