//! A user who forgot the password sets a new one with a mailed link or code.

use secrecy::SecretString;
use serde_json::Map;

use crate::domain::context::Context;
use crate::domain::operation::{Operation, Transaction};
use crate::domain::passwords::NewPasswordError;
use crate::domain::proofs::{self, Continuation, Presented, ProofError, RequestError, Requested};
use crate::domain::sessions;
use crate::domain::tokens::ProofTokens;
use crate::domain::users::admin::{AdminError, administer};
use crate::model::{ClientInfo, Email, EndReason, EventType, Locale, PasswordHash, Purpose, UserId};
use crate::store::{AnyConnection, StoreError, known_origins, users};

#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error(transparent)]
    New(#[from] NewPasswordError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Requests a mail. The sender finds out whether a user has the address.
pub async fn forgot_password(
    context: &Context,
    email: Email,
    locale: Locale,
    client: &ClientInfo,
) -> Result<Continuation, RequestError> {
    let requested = Requested { purpose: Purpose::Reset, email, user: None, data: Map::new(), locale };
    proofs::request(context, requested, client, |_| Ok(())).await
}

/// Sends a link to a user, for an administrator, who does not see it.
pub async fn send_reset_link(
    operation: &Operation<'_>,
    tokens: &ProofTokens,
    user: UserId,
    locale: Locale,
) -> Result<(), AdminError> {
    let key_id = tokens.key_id().to_owned();
    let send = move |tx: &mut Transaction<'_>| {
        let user = users::by_id(tx.connection, user)?.ok_or(AdminError::NoSuchUser)?;
        if user.disabled_at.is_some() {
            return Err(AdminError::UserDisabled);
        }
        tx.audit.record(tx.audit.event(EventType::PasswordResetRequested).of_user(user.id));
        let requested = Requested {
            purpose: Purpose::Reset,
            email: user.email,
            user: Some((user.id, user.version)),
            data: Map::new(),
            locale: user.locale.unwrap_or(locale),
        };
        proofs::issue(tx, &key_id, requested)?;
        Ok::<_, AdminError>(())
    };
    administer(operation, send).await
}

/// Sets a new password, ends all sessions, and forgets all known devices. Opens no session.
pub async fn reset_password(
    context: &Context,
    presented: Presented,
    new: SecretString,
    client: &ClientInfo,
) -> Result<(), ResetError> {
    let checked = proofs::check(context, presented, Purpose::Reset, client).await?;
    let (id, _) = checked.proof.user.ok_or(ProofError::Invalid("no user has this address"))?;
    let find = move |connection: &mut AnyConnection| users::by_id(connection, id);
    let user = context.database.run(find).await?.ok_or(ProofError::Invalid("the user was deleted"))?;
    let hash = match context.hasher.hash_new(new, user.guessable_words()).await {
        Ok(hash) => hash,
        Err(error) => {
            checked.forget_attempt(context).await?;
            return Err(error.into());
        }
    };
    let reset = move |tx: &mut Transaction<'_>| {
        checked.consume(tx)?;
        replace(tx, id, &hash)?;
        // The permit in `checked` must be held until the commit.
        Ok::<_, ResetError>(checked)
    };
    let outcome = context.operation(client).transaction(reset).await;
    let label = outcome.as_ref().err().map_or("used", ResetError::metric_label);
    context.metrics.count_proof(Purpose::Reset, label);
    outcome.map(drop)
}

fn replace(tx: &mut Transaction<'_>, user: UserId, hash: &PasswordHash) -> Result<(), StoreError> {
    tx.bump_version(user)?;
    users::set_password(tx.connection, user, hash)?;
    known_origins::forget_all(tx.connection, user)?;
    tx.audit.record(tx.audit.event(EventType::PasswordReset).of_user(user));
    // Another person may have registered the address before its owner: their sessions end with a reason of its own.
    let is_first_proof = users::set_email_verified(tx.connection, user, tx.now)?;
    let reason = if is_first_proof { EndReason::AccountRecovered } else { EndReason::PasswordChanged };
    if is_first_proof {
        tx.audit.record(tx.audit.event(EventType::EmailVerified).of_user(user));
    }
    sessions::end_others(tx, user, None, reason)?;
    Ok(())
}

impl ResetError {
    fn metric_label(&self) -> &'static str {
        match self {
            Self::Proof(error) => error.metric_label(),
            Self::New(_) => "weak_password",
            Self::Store(_) => "unavailable",
        }
    }
}
