//! Logout: ends the sessions that were presented, or all of a person.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{Context, RefreshToken, security_log};
use crate::model::{EndReason, Session, UserId};
use crate::store::{AnyConnection, StoreError, sessions, users};

/// Ends every session that one of the tokens proves, whatever its generation or age.
///
/// # Errors
/// The database failed, and nothing was ended. Tokens that prove nothing are no error: there is nothing to end.
pub async fn log_out(context: &Context, tokens: Vec<SecretString>) -> Result<(), StoreError> {
    let proven: Vec<_> =
        tokens.iter().filter_map(|token| context.refresh_tokens.read_even_expired(token).ok()).collect();
    if proven.is_empty() {
        return Ok(());
    }
    let now = context.now();
    let ended =
        context.database.transaction(move |connection| end_presented(connection, &proven, now)).await?;
    note_ended(&ended);
    Ok(())
}

/// Ends the sessions that these tokens prove, of whatever generation. Returns those that were alive.
pub(super) fn end_presented(
    connection: &mut AnyConnection,
    tokens: &[RefreshToken],
    now: DateTime<Utc>,
) -> Result<Vec<Session>, StoreError> {
    let mut ended = Vec::new();
    for token in tokens {
        let session = sessions::by_id(connection, token.session)?;
        let Some(session) = session.filter(|session| session.secret_hash == token.secret_hash) else {
            continue;
        };
        if sessions::end(connection, session.id, EndReason::LoggedOut, now)? {
            ended.push(session);
        }
    }
    Ok(ended)
}

/// Writes what [`end_presented`] did to the security log, once it is committed.
pub(super) fn note_ended(ended: &[Session]) {
    for session in ended {
        security_log::session_ended(session.id, session.user_id, EndReason::LoggedOut);
    }
}

/// Ends every session of a person, and makes their access tokens stale.
///
/// # Errors
/// The database failed, and nothing was ended.
pub async fn log_out_everywhere(context: &Context, user: UserId) -> Result<(), StoreError> {
    let now = context.now();
    context
        .database
        .transaction(move |connection| {
            // The person's row first: a login that is under way waits for it, and then finds its version gone.
            users::bump_version(connection, user)?;
            sessions::end_all(connection, user, EndReason::LoggedOut, now)
        })
        .await?;
    security_log::all_sessions_ended(user, EndReason::LoggedOut);
    Ok(())
}
