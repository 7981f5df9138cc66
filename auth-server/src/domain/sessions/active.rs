//! A person's sessions, as they see and end them.

use chrono::{DateTime, Utc};

use crate::domain::audit::AuditLog;
use crate::domain::context::Context;
use crate::model::{ClientInfo, EndReason, Session, SessionId, UserId};
use crate::store::{AnyConnection, StoreError, sessions};

/// The living sessions of the person that `current` is one of, last used first.
///
/// # Errors
/// The database failed.
pub async fn list(context: &Context, current: &Session) -> Result<Vec<Session>, StoreError> {
    let (user, now) = (current.user_id, context.now());
    let mut alive = context.database.run(move |connection| sessions::active(connection, user, now)).await?;
    // After a restore a young token is alive though its row has been idle for too long.
    if !alive.iter().any(|session| session.id == current.id) {
        alive.insert(0, current.clone());
    }
    Ok(alive)
}

/// Ends one session of a person. `false` where they have no such session, or it was over already.
///
/// # Errors
/// The database failed.
pub async fn end(
    context: &Context,
    user: UserId,
    session: SessionId,
    reason: EndReason,
    requester: &ClientInfo,
) -> Result<bool, StoreError> {
    let now = context.now();
    context
        .transaction(requester, move |connection, audit| {
            end_one(connection, audit, user, session, reason, now)
        })
        .await
}

/// Ends one session, if it is this person's and not over.
pub fn end_one(
    connection: &mut AnyConnection,
    audit: &mut AuditLog,
    user: UserId,
    session: SessionId,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let theirs = sessions::by_id(connection, session)?.is_some_and(|found| found.user_id == user);
    let ended = theirs && sessions::end(connection, session, reason, now)?;
    if ended {
        audit.record_ended([session], user, reason);
    }
    Ok(ended)
}
