//! Login with a passkey alone, whose authenticator verified the user.

use serde_json::Value;
use webauthn::{AuthenticationResponse, Purpose};

use crate::domain::context::Context;
use crate::domain::passkeys::{PasskeyVerdict, PresentedPasskey};
use crate::domain::sessions::new_device;
use crate::domain::sessions::new_session::{NewSession, NotAdmitted};
use crate::domain::sessions::second_factor::device_is_known;
use crate::domain::tokens::IssuedTokens;
use crate::domain::user_limits::TooManyChanges;
use crate::model::{Amr, EventType, ImpossibleValue, User, UserId};
use crate::store::{AnyConnection, StoreError, passkeys, users};

#[derive(Debug, thiserror::Error)]
pub enum PasskeyLoginError {
    /// `MFA=off`, or the server has no relying party.
    #[error("passkeys are off")]
    Off,
    /// The challenge was good, but no user has the passkey.
    #[error("the passkey is unknown")]
    Unknown,
    #[error("the passkey is invalid")]
    Invalid,
    /// Its user is disabled, or changed during the request.
    #[error("the user is disabled or changed")]
    UserUnavailable,
    /// The user must prove their address first.
    #[error("the e-mail address must be proved first")]
    EmailUnverified(Box<User>),
    #[error("the audience is not one of AUDIENCES")]
    UnknownAudience,
    #[error(transparent)]
    TooMany(#[from] TooManyChanges),
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The options for `navigator.credentials.get`, which name no user. Writes nothing.
pub fn passkey_options(context: &Context) -> Result<Value, PasskeyLoginError> {
    let passkeys = context.passkeys.as_deref().ok_or(PasskeyLoginError::Off)?;
    Ok(passkeys.request_options(Purpose::Login, &[], &[], context.now()))
}

/// Verifies the passkey and starts a session.
pub async fn log_in_with_passkey(
    context: &Context,
    response: AuthenticationResponse,
    new_session: NewSession,
) -> Result<IssuedTokens, PasskeyLoginError> {
    let outcome = start_session(context, response, new_session).await;
    let label = outcome.as_ref().err().map_or("succeeded", PasskeyLoginError::metric_label);
    context.metrics.logins.count(label);
    outcome
}

async fn start_session(
    context: &Context,
    response: AuthenticationResponse,
    new_session: NewSession,
) -> Result<IssuedTokens, PasskeyLoginError> {
    let passkeys = context.passkeys.clone().ok_or(PasskeyLoginError::Off)?;
    let audience = new_session.audience.clone();
    let audience = context.policy.audience(audience.as_deref()).ok_or(PasskeyLoginError::UnknownAudience)?;
    let presented = PresentedPasskey { response, purpose: Purpose::Login, binding: Vec::new() };
    let credential = passkeys.credential_id(&presented, context.now()).map_err(|error| {
        log::info!("rejected a passkey: {error}");
        PasskeyLoginError::Invalid
    })?;
    let find = move |connection: &mut AnyConnection| owner(connection, &credential);
    let (_, owner) = context.database.run(find).await?.ok_or(PasskeyLoginError::Unknown)?;
    let user = owner.filter(|user| user.disabled_at.is_none()).ok_or(PasskeyLoginError::UserUnavailable)?;
    context.user_limits.count_login(user.id)?;
    if context.policy.requires_proof_of_email(&user) {
        return Err(PasskeyLoginError::EmailUnverified(Box::new(user)));
    }
    let client = new_session.client.clone();
    let device_is_known = device_is_known(context, &user, &client).await?;
    let operation = context.operation(&client);
    let session = new_session.prepare(context, user.id, Amr::passkey(), device_is_known, operation.now);
    let start = operation.transaction(move |tx| {
        if !users::lock_version(tx.connection, user.id, user.version)? {
            return Ok(Err(PasskeyLoginError::UserUnavailable));
        }
        match passkeys.prove(&presented, tx, user.id)? {
            PasskeyVerdict::Correct => {}
            PasskeyVerdict::Unknown => return Ok(Err(PasskeyLoginError::Unknown)),
            // Committed: a suspicious passkey is recorded.
            PasskeyVerdict::Invalid => return Ok(Err(PasskeyLoginError::Invalid)),
        }
        new_device::notify(tx, &user, device_is_known)?;
        users::record_login(tx.connection, user.id, user.version, None, tx.now)?;
        let admission = session.admit(tx, &user, EventType::LoginSucceeded)?;
        Ok::<_, StoreError>(Ok((admission, user)))
    });
    let (admission, user) = start.await??;
    Ok(admission.issue(context, user, audience)?)
}

/// The user of a credential, who may be deleted. `None`: no user has it.
fn owner(
    connection: &mut AnyConnection,
    credential: &[u8],
) -> Result<Option<(UserId, Option<User>)>, StoreError> {
    let Some(passkey) = passkeys::by_credential(connection, credential)? else { return Ok(None) };
    let id: UserId = passkey.user_id.parse().map_err(|_| ImpossibleValue { column: "passkeys.user_id" })?;
    Ok(Some((id, users::by_id(connection, id)?)))
}

impl PasskeyLoginError {
    /// Whether a passkey was checked.
    pub fn is_attempt(&self) -> bool {
        !matches!(self, Self::Off | Self::UnknownAudience)
    }

    fn metric_label(&self) -> &'static str {
        match self {
            Self::Unknown | Self::Invalid | Self::UserUnavailable => "invalid_credentials",
            Self::EmailUnverified(_) => "email_code_required",
            Self::TooMany(_) => "throttled",
            Self::Off | Self::UnknownAudience => "malformed",
            Self::NotAdmitted(error) => error.metric_label(),
            Self::Store(_) => "unavailable",
        }
    }
}
