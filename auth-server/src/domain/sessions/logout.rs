//! Logout: ends the sessions of a user, one by one or all together.

use secrecy::SecretString;

use crate::domain::context::{Context, Lifetimes};
use crate::domain::operation::Transaction;
use crate::domain::sessions::{CurrentSession, NotFresh, token_status};
use crate::domain::tokens::RefreshToken;
use crate::model::{ClientInfo, EndReason, Session, SessionId, UserId};
use crate::store::{StoreError, sessions, users};

#[derive(Debug, thiserror::Error)]
pub enum EndError {
    #[error(transparent)]
    NotFresh(#[from] NotFresh),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Ends the session of every token, regardless of its generation or age. Invalid tokens are ignored.
pub async fn log_out(
    context: &Context,
    tokens: Vec<SecretString>,
    client: &ClientInfo,
) -> Result<(), StoreError> {
    let tokens: Vec<_> =
        tokens.iter().filter_map(|token| context.refresh_tokens.read_even_expired(token).ok()).collect();
    if tokens.is_empty() {
        return Ok(());
    }
    let lifetimes = context.lifetimes;
    context.operation(client).transaction(move |tx| end_by_tokens(tx, &tokens, &lifetimes)).await
}

/// Ends every session of the user and makes their access tokens stale. Requires a fresh login.
pub async fn log_out_everywhere(
    context: &Context,
    current: &CurrentSession,
    client: &ClientInfo,
) -> Result<(), EndError> {
    let operation = context.operation(client);
    current.require_fresh_login(operation.now)?;
    let user = current.user.id;
    Ok(operation.transaction(move |tx| end_all(tx, user, EndReason::LoggedOut).map(drop)).await?)
}

/// Ends every session of the user but the current one. Requires a fresh login.
pub async fn log_out_others(
    context: &Context,
    current: &CurrentSession,
    client: &ClientInfo,
) -> Result<(), EndError> {
    let operation = context.operation(client);
    current.require_fresh_login(operation.now)?;
    let (user, session) = (current.user.id, current.session.id);
    let end = operation.transaction(move |tx| {
        if users::lock(tx.connection, user)? {
            end_others(tx, user, Some(session), EndReason::Revoked)?;
        }
        Ok::<_, StoreError>(())
    });
    Ok(end.await?)
}

/// Ends one session of the user. Another one than the current one requires a fresh login. Returns `false` if the user has
/// no such session or it has ended already.
pub async fn end(
    context: &Context,
    current: &CurrentSession,
    session: SessionId,
    client: &ClientInfo,
) -> Result<bool, EndError> {
    let operation = context.operation(client);
    let reason = if session == current.session.id {
        EndReason::LoggedOut
    } else {
        current.require_fresh_login(operation.now)?;
        EndReason::Revoked
    };
    let user = current.user.id;
    Ok(operation.transaction(move |tx| end_one(tx, user, session, reason)).await?)
}

/// Ends one session of a user. Returns `false` if they have no such session or it has ended already.
pub fn end_one(
    tx: &mut Transaction<'_>,
    user: UserId,
    session: SessionId,
    reason: EndReason,
) -> Result<bool, StoreError> {
    let found = sessions::by_id(tx.connection, session)?;
    match found.filter(|found| found.user_id == user) {
        Some(session) => end_found(tx, &session, reason),
        None => Ok(false),
    }
}

/// Ends every session of a user and makes their access tokens stale. Returns how many sessions ended.
pub fn end_all(tx: &mut Transaction<'_>, user: UserId, reason: EndReason) -> Result<usize, StoreError> {
    tx.bump_version(user)?;
    end_others(tx, user, None, reason)
}

/// Ends every session of a user except one. The transaction must have locked the user's row.
pub fn end_others(
    tx: &mut Transaction<'_>,
    user: UserId,
    except: Option<SessionId>,
    reason: EndReason,
) -> Result<usize, StoreError> {
    let ended = sessions::end_all(tx.connection, user, except, reason, tx.now)?;
    let count = ended.len();
    tx.audit.record_ended(ended, user, reason);
    Ok(count)
}

/// Ends the least recently used sessions of a user until `max` are left. The transaction must have locked or inserted the
/// user's row. `new`, which it has just inserted, is not ended.
pub fn end_excess(
    tx: &mut Transaction<'_>,
    user: UserId,
    new: SessionId,
    max: i64,
) -> Result<(), StoreError> {
    let reason = EndReason::Revoked;
    let ended = sessions::end_excess(tx.connection, user, new, max, reason, tx.now)?;
    tx.audit.record_ended(ended, user, reason);
    Ok(())
}

/// Ends the sessions of these tokens. A token that a new password replaced within the grace period counts too: its user may
/// not have received the new one.
pub fn end_by_tokens(
    tx: &mut Transaction<'_>,
    tokens: &[RefreshToken],
    lifetimes: &Lifetimes,
) -> Result<(), StoreError> {
    for token in tokens {
        let Some(session) = sessions::by_id(tx.connection, token.session)? else { continue };
        if session.secret_hash == token.secret_hash
            || token_status::is_within_grace(&session, lifetimes, tx.now)
                && token_status::secret_since_password_change(tx.connection, token, &session)?.is_some()
        {
            end_found(tx, &session, EndReason::LoggedOut)?;
        }
    }
    Ok(())
}

fn end_found(tx: &mut Transaction<'_>, session: &Session, reason: EndReason) -> Result<bool, StoreError> {
    let ended = sessions::end(tx.connection, session.id, reason, tx.now)?;
    if ended {
        tx.audit.record_ended([session.id], session.user_id, reason);
    }
    Ok(ended)
}
