//! Logout: ends the sessions that were presented, or all of a person.

use secrecy::SecretString;

use super::{Context, security_log};
use crate::model::{EndReason, UserId};
use crate::store::{StoreError, sessions, users};

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
    let ended = context
        .database
        .transaction(move |connection| {
            let mut ended = Vec::new();
            for token in proven {
                let session = sessions::by_id(connection, token.session)?;
                let Some(session) = session.filter(|session| session.secret_hash == token.secret_hash) else {
                    continue;
                };
                if sessions::end(connection, session.id, EndReason::LoggedOut, now)? {
                    ended.push((session.id, session.user_id));
                }
            }
            Ok::<_, StoreError>(ended)
        })
        .await?;
    for (session, user) in ended {
        security_log::session_ended(session, user, EndReason::LoggedOut);
    }
    Ok(())
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
