//! What a refresh token with a valid signature is worth, given its session's row.

use chrono::{DateTime, Utc};

use crate::domain::context::Lifetimes;
use crate::domain::operation::{Operation, Transaction};
use crate::domain::tokens::{RefreshToken, SessionSecret};
use crate::model::{EndReason, MailKind, Session, UserId};
use crate::store::{AnyConnection, StoreError, events, sessions, users};

/// Where a refresh token stands in the sequence of its session.
pub enum TokenStatus {
    /// The current token, or one that is ahead of its row.
    Current {
        session: Session,
        /// The row has an older generation than the token: it was restored from a backup or a lagging replica.
        row_is_behind: bool,
    },
    /// Rotated a moment ago, by another tab or a request that is now retried. Its successor may be issued again.
    WithinGrace(Session),
    /// Rotated longer ago, by the last rotation. Only the Idempotency-Key of that rotation proves that it is the same
    /// client.
    Previous(Session),
    /// Rotated before the last rotation.
    Superseded(Session),
    /// A new password gave the session another secret a moment ago. The token is worthless, but another tab of the user may
    /// not have received the new one yet.
    Replaced,
    /// The session has ended or expired, or is unknown.
    Ended(EndReason),
}

/// When a request arrived, and when it is processed.
#[derive(Clone, Copy)]
pub struct Times {
    pub arrived_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
}

impl Times {
    pub fn of(operation: &Operation<'_>) -> Self {
        let now = operation.now;
        Self { arrived_at: operation.client.arrived_at.unwrap_or(now), now }
    }
}

/// Reads the token's session and classifies the token.
pub fn load(
    connection: &mut AnyConnection,
    token: &RefreshToken,
    lifetimes: &Lifetimes,
    times: Times,
) -> Result<TokenStatus, StoreError> {
    match sessions::by_id(connection, token.session)? {
        Some(session) => Ok(classify(token, session, lifetimes, times)),
        None => Ok(TokenStatus::Ended(missing_reason(connection, token.user)?)),
    }
}

fn classify(token: &RefreshToken, session: Session, lifetimes: &Lifetimes, times: Times) -> TokenStatus {
    let now = times.now;
    let is_within_grace = is_within_grace(&session, lifetimes, now);
    if session.secret_hash != token.secret_hash {
        let is_recent = is_within_grace || times.arrived_at < session.rotated_at;
        let is_replaced = is_recent && session.generation > token.generation && session.ended.is_none();
        return if is_replaced { TokenStatus::Replaced } else { TokenStatus::Ended(EndReason::Unknown) };
    }
    if let Some(ended) = session.ended {
        return TokenStatus::Ended(ended.reason);
    }
    let is_idle = session.idle_expires_at <= now && !is_younger_than_idle_limit(token, lifetimes, now);
    if session.expires_at <= now || is_idle {
        return TokenStatus::Ended(EndReason::Expired);
    }
    if session.generation <= token.generation {
        return TokenStatus::Current { row_is_behind: session.generation < token.generation, session };
    }
    if session.generation > token.generation.next() {
        return TokenStatus::Superseded(session);
    }
    if is_within_grace { TokenStatus::WithinGrace(session) } else { TokenStatus::Previous(session) }
}

/// If the servers' clocks differ, the age of the rotation may be negative: that is within the grace period too, unless there
/// is none.
pub fn is_within_grace(session: &Session, lifetimes: &Lifetimes, now: DateTime<Utc>) -> bool {
    !lifetimes.reuse_grace.is_zero() && now - session.rotated_at <= lifetimes.reuse_grace
}

/// The secret of a session, if it follows from the token's and the user's present password.
pub fn secret_since_password_change(
    connection: &mut AnyConnection,
    token: &RefreshToken,
    session: &Session,
) -> Result<Option<SessionSecret>, StoreError> {
    let user = users::by_id(connection, session.user_id)?;
    let secret = user.map(|user| token.secret().after_password_change(&user.password_hash));
    Ok(secret.filter(|secret| secret.hash() == session.secret_hash))
}

/// Such a token is valid even if the row says that the session is idle: a restored row has an old idle limit.
pub fn is_younger_than_idle_limit(token: &RefreshToken, lifetimes: &Lifetimes, now: DateTime<Utc>) -> bool {
    now - token.issued_at < lifetimes.idle
}

/// Ends the session of a token that was used again. Returns the reason why the session has ended, or `None` if it is still
/// active: the request arrived before the last rotation. It waited while its own client gave up, asked again and went on,
/// which proves no theft.
pub fn end_reused(
    tx: &mut Transaction<'_>,
    token: &RefreshToken,
    session: &Session,
    lifetimes: &Lifetimes,
    times: Times,
) -> Result<Option<EndReason>, StoreError> {
    let Times { arrived_at, now } = times;
    if tx.audit.sends(MailKind::SessionStolen) {
        // Before the session's row, as in every transaction.
        users::lock(tx.connection, session.user_id)?;
    }
    if sessions::end_reused(tx.connection, session.id, token.generation, arrived_at, now)? {
        tx.audit.record_reuse(session.id, session.user_id);
        return Ok(Some(EndReason::ReuseDetected));
    }
    // If it ended for another reason in the meantime, reporting a theft would be false.
    match load(tx.connection, token, lifetimes, times)? {
        TokenStatus::Ended(reason) => Ok(Some(reason)),
        TokenStatus::Current { .. }
        | TokenStatus::WithinGrace(_)
        | TokenStatus::Previous(_)
        | TokenStatus::Replaced
        | TokenStatus::Superseded(_) => Ok(None),
    }
}

/// A session without a row may have been deleted together with its user.
pub fn missing_reason(connection: &mut AnyConnection, user: Option<UserId>) -> Result<EndReason, StoreError> {
    let is_deleted = match user {
        Some(user) => users::by_id(connection, user)?.is_none() && events::has_deletion(connection, user)?,
        None => false,
    };
    Ok(if is_deleted { EndReason::UserDeleted } else { EndReason::Unknown })
}
