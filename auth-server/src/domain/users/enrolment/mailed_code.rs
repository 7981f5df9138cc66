//! A code from the mailbox, before a new second factor: a thief of the password must not choose it.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Map;

use crate::domain::context::Context;
use crate::domain::factors::OpenChallenge;
use crate::domain::operation::Transaction;
use crate::domain::proofs::{self, Presented, ProofError, Requested};
use crate::domain::sessions::FactorError;
use crate::domain::users::enrolment::EnrolmentError;
use crate::model::{ClientInfo, Locale, Purpose, sha256};
use crate::store::users;

/// Sends the code, or the same one again. `value`: of the challenge, with which the code is valid.
pub async fn send(
    context: &Context,
    challenge: OpenChallenge,
    value: &SecretString,
    locale: Locale,
    client: &ClientInfo,
) -> Result<(), EnrolmentError> {
    let user = challenge.user;
    let requested = Requested {
        purpose: Purpose::Enrol,
        email: user.email.clone(),
        user: Some((user.id, user.version)),
        data: Map::new(),
        locale: user.locale.clone().unwrap_or(locale),
    };
    let continuation_hash = sha256(value.expose_secret().as_bytes());
    let prepared = proofs::prepare(context, requested, Some(continuation_hash), client).await;
    let insert = move |tx: &mut Transaction<'_>| {
        // Concurrent requests must not both find that none was made.
        if !users::lock_version(tx.connection, user.id, user.version)? {
            return Err(FactorError::ChallengeExpired.into());
        }
        prepared.insert_or_repeat(tx)?;
        // The turn in `prepared` must be held until the commit.
        Ok::<_, EnrolmentError>(prepared)
    };
    context.operation(client).transaction(insert).await.map(drop)
}

/// Returns the challenge, which requires the code no longer. The last wrong code ends it.
pub async fn check(
    context: &Context,
    challenge: OpenChallenge,
    value: &SecretString,
    code: SecretString,
    client: &ClientInfo,
) -> Result<OpenChallenge, EnrolmentError> {
    let presented = Presented::Code { continuation: value.clone(), code };
    let operation = context.operation(client);
    let checked = match proofs::check(context, presented, Purpose::Enrol, client).await {
        Ok(checked) => checked,
        Err(error) => {
            if matches!(error, ProofError::WrongCode { attempts_left: 0 }) {
                operation.transaction(move |tx| challenge.consume(tx)).await?;
            }
            return Err(error.into());
        }
    };
    let pass = move |tx: &mut Transaction<'_>| {
        checked.consume(tx)?;
        let mut challenge = challenge;
        challenge.pass_mailed_code(tx)?;
        // The permit in `checked` must be held until the commit.
        Ok::<_, EnrolmentError>((challenge, checked))
    };
    let (challenge, _checked) = operation.transaction(pass).await?;
    context.metrics.count_proof(Purpose::Enrol, "used");
    Ok(challenge)
}
