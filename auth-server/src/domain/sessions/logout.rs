//! Logout: ends the sessions that were presented, or all of a person.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::domain::audit::{self, AuditLog};
use crate::domain::context::Context;
use crate::domain::tokens::RefreshToken;
use crate::model::{ClientInfo, EndReason, UserId};
use crate::store::{AnyConnection, StoreError, sessions};

/// Ends every session that one of the tokens proves, whatever its generation or age.
///
/// # Errors
/// The database failed, and nothing was ended. Tokens that prove nothing are no error: there is nothing to end.
pub async fn log_out(
    context: &Context,
    tokens: Vec<SecretString>,
    requester: &ClientInfo,
) -> Result<(), StoreError> {
    let proven: Vec<_> =
        tokens.iter().filter_map(|token| context.refresh_tokens.read_even_expired(token).ok()).collect();
    if proven.is_empty() {
        return Ok(());
    }
    let now = context.now();
    context
        .transaction(requester, move |connection, audit| end_presented(connection, audit, &proven, now))
        .await
}

/// Ends the sessions that these tokens prove, of whatever generation.
pub fn end_presented(
    connection: &mut AnyConnection,
    audit: &mut AuditLog,
    tokens: &[RefreshToken],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for token in tokens {
        let session = sessions::by_id(connection, token.session)?;
        let Some(session) = session.filter(|session| session.secret_hash == token.secret_hash) else {
            continue;
        };
        if sessions::end(connection, session.id, EndReason::LoggedOut, now)? {
            audit.record_ended([session.id], session.user_id, EndReason::LoggedOut);
        }
    }
    Ok(())
}

/// Ends every session of a person, and makes their access tokens stale.
///
/// # Errors
/// The database failed, and nothing was ended.
pub async fn log_out_everywhere(
    context: &Context,
    user: UserId,
    requester: &ClientInfo,
) -> Result<(), StoreError> {
    let now = context.now();
    context
        .transaction(requester, move |connection, audit| {
            end_all(connection, audit, user, EndReason::LoggedOut, now).map(drop)
        })
        .await
}

/// Ends every session of a person, and makes their access tokens stale. Returns how many were alive.
pub fn end_all(
    connection: &mut AnyConnection,
    audit: &mut AuditLog,
    user: UserId,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    // The person's row first: a login that is under way waits for it, and then finds its version gone.
    audit::bump_version(connection, audit, user)?;
    let ended = sessions::end_all(connection, user, None, reason, now)?;
    let count = ended.len();
    audit.record_ended(ended, user, reason);
    Ok(count)
}
