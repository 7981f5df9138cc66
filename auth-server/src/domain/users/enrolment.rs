//! A login that requires a second factor of a user who has none: the user sets up an authenticator app or a passkey, which
//! completes the login.

mod mailed_code;

use secrecy::SecretString;
use serde_json::Value;
use webauthn::{Kind, RegistrationResponse};

use crate::domain::context::Context;
use crate::domain::factors::{ChallengeKind, OpenChallenge, RecoveryCodes};
use crate::domain::operation::Transaction;
use crate::domain::proofs::{ProofError, RequestError};
use crate::domain::sessions::{self, FactorError, NewSession, NotAdmitted};
use crate::domain::tokens::IssuedTokens;
use crate::domain::users::factors::apps::{self, NewApp};
use crate::domain::users::factors::{self, FactorChangeError, passkeys};
use crate::model::{Amr, ClientInfo, Locale, User};
use crate::store::{StoreError, users};

#[derive(Debug, thiserror::Error)]
pub enum EnrolmentError {
    #[error(transparent)]
    Factor(#[from] FactorError),
    #[error(transparent)]
    Change(#[from] FactorChangeError),
    /// It was sent.
    #[error("a code from the mailbox is required")]
    MailedCodeRequired,
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the challenge. If it requires a code from the mailbox and there is none, sends one.
pub async fn open(
    context: &Context,
    challenge: &SecretString,
    mailed_code: Option<SecretString>,
    locale: Locale,
    client: &ClientInfo,
) -> Result<OpenChallenge, EnrolmentError> {
    let found = find_any(context, challenge).await?;
    if found.kind == ChallengeKind::Enrolment {
        return Ok(found);
    }
    if let Some(code) = mailed_code {
        return mailed_code::check(context, found, challenge, code, client).await;
    }
    mailed_code::send(context, found, challenge, locale, client).await?;
    Err(EnrolmentError::MailedCodeRequired)
}

/// Makes the secret of the app.
pub async fn begin(
    context: &Context,
    challenge: OpenChallenge,
    client: &ClientInfo,
) -> Result<(NewApp, User), EnrolmentError> {
    let user = challenge.user.clone();
    let (app, row) = apps::new_app(context, user.id, None)?;
    let insert = context.operation(client);
    insert
        .transaction(move |tx| {
            if !challenge.count_attempt(tx)? {
                return Err(FactorError::ChallengeExpired.into());
            }
            Ok::<_, EnrolmentError>(apps::insert_app(tx, &row)?)
        })
        .await?;
    Ok((app, user))
}

/// Confirms the app and starts the session.
pub async fn confirm(
    context: &Context,
    challenge: &SecretString,
    code: SecretString,
    new_session: NewSession,
) -> Result<(IssuedTokens, Option<RecoveryCodes>), EnrolmentError> {
    let audience = audience(context, &new_session)?;
    let challenge = find(context, challenge).await?;
    let user = challenge.user.id;
    let (id, step) = match apps::unconfirmed_step(context, user, &code).await {
        Ok(found) => found,
        Err(error) => {
            // A wrong code counts as an answer.
            let operation = context.operation(&new_session.client);
            operation.transaction(move |tx| challenge.count_attempt(tx).map(drop)).await?;
            return Err(error.into());
        }
    };
    let amr = challenge.amr.clone().with_code();
    start_session(context, challenge, amr, new_session, audience, move |tx, codes| {
        apps::confirm_in(tx, user, &id, step, codes)
    })
    .await
}

/// The options for a passkey or security key.
pub async fn passkey_options(
    context: &Context,
    challenge: &OpenChallenge,
    kind: Kind,
) -> Result<Value, EnrolmentError> {
    Ok(passkeys::options(context, &challenge.user, kind, challenge.binding()).await?)
}

/// Adds the passkey or security key, and starts the session.
pub async fn confirm_passkey(
    context: &Context,
    challenge: &SecretString,
    response: &RegistrationResponse,
    new_session: NewSession,
) -> Result<(IssuedTokens, Option<RecoveryCodes>), EnrolmentError> {
    let audience = audience(context, &new_session)?;
    let challenge = find(context, challenge).await?;
    let user = challenge.user.id;
    let new = passkeys::verify(context, user, response, challenge.binding(), None)?;
    let amr = challenge.amr.clone().with_passkey();
    start_session(context, challenge, amr, new_session, audience, move |tx, codes| {
        new.insert(tx, user)?;
        factors::turn_on(tx, user, codes)
    })
    .await
}

/// Starts the session of a login whose new factor is proved. `add` stores the factor, in the same transaction.
async fn start_session(
    context: &Context,
    challenge: OpenChallenge,
    amr: Amr,
    new_session: NewSession,
    audience: &str,
    add: impl FnOnce(&mut Transaction<'_>, Option<&RecoveryCodes>) -> Result<(), FactorChangeError>
    + Clone
    + Send
    + 'static,
) -> Result<(IssuedTokens, Option<RecoveryCodes>), EnrolmentError> {
    let user = challenge.user.id;
    let codes = factors::missing_codes(context, user).await?;
    let client = new_session.client.clone();
    let device_is_known = sessions::device_is_known(context, &challenge.user, &client).await?;
    let operation = context.operation(&client);
    let session = new_session.prepare(context, user, amr, device_is_known, operation.now);
    let start = operation.transaction(move |tx| {
        if !challenge.count_attempt(tx)? {
            return Err(EnrolmentError::from(FactorError::ChallengeExpired));
        }
        add(tx, codes.as_ref())?;
        let (admission, _) = sessions::complete(tx, &challenge, session, device_is_known)?;
        tx.bump_version(user)?;
        let user = users::by_id(tx.connection, user)?.ok_or(FactorError::ChallengeExpired)?;
        Ok((admission, user, codes))
    });
    let (admission, user, codes) = start.await?;
    Ok((admission.issue(context, user, audience)?, codes))
}

fn audience<'a>(context: &'a Context, new_session: &NewSession) -> Result<&'a str, FactorError> {
    context.policy.audience(new_session.audience.as_deref()).ok_or(FactorError::UnknownAudience)
}

async fn find(context: &Context, challenge: &SecretString) -> Result<OpenChallenge, EnrolmentError> {
    let found = find_any(context, challenge).await?;
    if found.kind == ChallengeKind::EnrolmentWithMailedCode {
        return Err(EnrolmentError::MailedCodeRequired);
    }
    Ok(found)
}

/// Also one that requires a code from the mailbox.
async fn find_any(context: &Context, challenge: &SecretString) -> Result<OpenChallenge, FactorError> {
    let found = OpenChallenge::find(context, challenge).await?;
    found.filter(|challenge| challenge.kind != ChallengeKind::Factor).ok_or(FactorError::ChallengeExpired)
}
