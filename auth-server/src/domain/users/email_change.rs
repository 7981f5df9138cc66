//! A user changes their address: the new one takes effect once a link or code proves it.

use serde_json::Map;

use crate::domain::context::Context;
use crate::domain::operation::{Operation, Transaction};
use crate::domain::proofs::{self, Continuation, Presented, ProofError, RequestError, Requested};
use crate::domain::sessions::{self, CurrentSession, NotFresh};
use crate::model::{ClientInfo, Email, EndReason, Locale, Proof, Purpose, SessionId, User, UserId};
use crate::store::{AnyConnection, StoreError, Taken, proofs as proofs_table, users};

#[derive(Debug, thiserror::Error)]
pub enum EmailChangeRequestError {
    #[error(transparent)]
    NotFresh(#[from] NotFresh),
    #[error("the user has this address already")]
    Same,
    #[error(transparent)]
    Request(#[from] RequestError),
}

#[derive(Debug, thiserror::Error)]
pub enum EmailChangeError {
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error("another user has this address")]
    EmailTaken,
    #[error("the user was deleted")]
    UserDeleted,
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for EmailChangeError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(Taken::Email) => Self::EmailTaken,
            other => Self::Store(other),
        }
    }
}

/// Sends a link and a code to the new address, whether or not another user has it. Earlier requests become void. Until the
/// address is proved, nothing else changes.
pub async fn request_email_change(
    context: &Context,
    current: &CurrentSession,
    email: Email,
    locale: Locale,
    client: &ClientInfo,
) -> Result<Continuation, EmailChangeRequestError> {
    current.require_fresh_login(context.now())?;
    if email == current.user.email {
        return Err(EmailChangeRequestError::Same);
    }
    let (user, version) = (current.user.id, current.user.version);
    let locale = current.user.locale.clone().unwrap_or(locale);
    let (before, new) = (current.user.clone(), email.clone());
    let requested =
        Requested { purpose: Purpose::Change, email, user: Some((user, version)), data: Map::new(), locale };
    let replace = move |tx: &mut Transaction<'_>| {
        // The lock lets a concurrent request of the user find the proof of this one. If the user has changed meanwhile,
        // the new proof is of no use, like the earlier ones.
        if users::lock_version(tx.connection, user, version)? {
            proofs_table::void_of_user(tx.connection, user, Purpose::Change, tx.now)?;
            tx.audit.record_requested_email_change(&before, &new);
        }
        Ok(())
    };
    Ok(proofs::request(context, requested, client, replace).await?)
}

/// Gives the user the new address, which the link or code proves. The current session continues.
pub async fn confirm_email_change(
    context: &Context,
    current: &CurrentSession,
    presented: Presented,
    end_other_sessions: bool,
    client: &ClientInfo,
) -> Result<User, EmailChangeError> {
    let checked = proofs::check(context, presented, Purpose::Change, client).await?;
    let user = current.user.id;
    if checked.proof.user.is_none_or(|(owner, _)| owner != user) {
        context.metrics.count_proof(Purpose::Change, "invalid");
        checked.forget_attempt(context).await?;
        return Err(ProofError::Invalid("of another user").into());
    }
    let others_except = end_other_sessions.then_some(current.session.id);
    let change = move |tx: &mut Transaction<'_>| {
        checked.consume(tx)?;
        let changed = replace(tx, user, &checked.proof.email, others_except)?;
        // The permit in `checked` must be held until the commit.
        Ok::<_, EmailChangeError>((changed, checked))
    };
    let outcome = context.operation(client).transaction(change).await;
    let label = outcome.as_ref().err().map_or("used", EmailChangeError::metric_label);
    context.metrics.count_proof(Purpose::Change, label);
    outcome.map(|(changed, _checked)| changed)
}

/// The open request of the user, if there is one.
pub async fn pending_email_change(context: &Context, user: &User) -> Result<Option<Proof>, StoreError> {
    let (id, version, now) = (user.id, user.version, context.now());
    let find = move |connection: &mut AnyConnection| {
        proofs_table::open_of_user(connection, id, Purpose::Change, now)
    };
    let found = context.database.run(find).await?;
    // A change of the user makes earlier requests invalid.
    Ok(found.filter(|proof| proof.user == Some((id, version))))
}

/// Cancels a requested change: its links and codes become invalid.
pub async fn cancel_email_change(operation: &Operation<'_>, user: UserId) -> Result<(), StoreError> {
    let cancel = move |tx: &mut Transaction<'_>| {
        proofs_table::void_of_user(tx.connection, user, Purpose::Change, tx.now)?;
        Ok(())
    };
    operation.transaction(cancel).await
}

/// Ends the user's sessions except this one, if any is given. The user's row is locked.
fn replace(
    tx: &mut Transaction<'_>,
    user: UserId,
    email: &Email,
    others_except: Option<SessionId>,
) -> Result<User, EmailChangeError> {
    let before = users::by_id(tx.connection, user)?.ok_or(EmailChangeError::UserDeleted)?;
    tx.bump_version(user)?;
    users::change_email(tx.connection, user, email, Some(tx.now))?;
    tx.audit.record_email_change(&before, email, true);
    if others_except.is_some() {
        sessions::end_others(tx, user, others_except, EndReason::EmailChanged)?;
    }
    users::by_id(tx.connection, user)?.ok_or(EmailChangeError::UserDeleted)
}

impl EmailChangeError {
    fn metric_label(&self) -> &'static str {
        match self {
            Self::Proof(error) => error.metric_label(),
            Self::EmailTaken => "taken",
            Self::UserDeleted => "invalid",
            Self::Store(_) => "unavailable",
        }
    }
}
