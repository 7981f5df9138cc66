use chrono::{DateTime, Utc};

use crate::domain::context::Lifetimes;
use crate::domain::tokens::RefreshToken;
use crate::model::{EndReason, Session};
use crate::store::{AnyConnection, StoreError, events};

/// What a verified refresh token is worth, judged by its session's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// It is the newest, or newer than a restored row knows.
    Current {
        /// The row is behind what was signed: it came from a backup or a lagging replica.
        row_is_behind: bool,
    },
    /// It was spent a moment ago: a second tab, or a retry. Its successor may be issued again.
    WithinGrace,
    /// It was spent by the last rotation, longer ago. Only the proof that it is the same client helps.
    Previous,
    /// It was spent before that.
    Superseded,
    /// The session is over.
    Ended(EndReason),
}

/// Judges. `session` is the row that the token names, if there is one.
pub fn classify(
    token: &RefreshToken,
    session: Option<&Session>,
    lifetimes: &Lifetimes,
    now: DateTime<Utc>,
) -> TokenStatus {
    let Some(session) = session else { return TokenStatus::Ended(EndReason::Unknown) };
    if session.secret_hash != token.secret_hash {
        return TokenStatus::Ended(EndReason::Unknown);
    }
    if let Some(ended) = session.ended {
        return TokenStatus::Ended(ended.reason);
    }
    let idle_for_too_long = session.idle_expires_at <= now && !younger_than_idle_limit(token, lifetimes, now);
    if session.expires_at <= now || idle_for_too_long {
        return TokenStatus::Ended(EndReason::Expired);
    }
    if session.generation <= token.generation {
        return TokenStatus::Current { row_is_behind: session.generation < token.generation };
    }
    if session.generation > token.generation.next() {
        return TokenStatus::Superseded;
    }
    // A negative age, from clocks that differ, is within the grace too.
    if now - session.rotated_at <= lifetimes.reuse_grace {
        TokenStatus::WithinGrace
    } else {
        TokenStatus::Previous
    }
}

/// Such a token counts as alive even where the row says otherwise: a restored row's idle limit is old as well.
pub fn younger_than_idle_limit(token: &RefreshToken, lifetimes: &Lifetimes, now: DateTime<Utc>) -> bool {
    now - token.issued_at < lifetimes.idle
}

/// Why there is no row of a session that was ours once: its person may have been deleted, with all that was theirs.
pub fn missing_reason(connection: &mut AnyConnection, token: &RefreshToken) -> Result<EndReason, StoreError> {
    let deleted = match token.user {
        Some(user) => events::has_deletion(connection, user)?,
        None => false,
    };
    Ok(if deleted { EndReason::UserDeleted } else { EndReason::Unknown })
}
