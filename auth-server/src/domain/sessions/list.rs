//! Reads the active sessions of a user page by page.

use chrono::{DateTime, Utc};

use crate::domain::context::Context;
use crate::model::{Position, Session, SessionId, UserId};
use crate::store::{AnyConnection, StoreError, sessions};

/// A page begins after this session. A session that is used meanwhile moves before it, and is missing on the page.
pub type Cursor = Position<SessionId>;

/// Active sessions, last used first.
pub struct Page {
    /// At most `limit`.
    pub sessions: Vec<Session>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// One page of the active sessions of the user of `current`.
pub async fn list(
    context: &Context,
    current: &Session,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page, StoreError> {
    let (user, current, now) = (current.user_id, current.id, context.now());
    let read = move |connection: &mut AnyConnection| {
        read_page(connection, sessions::Active { user, current: Some(current), now }, cursor, limit)
    };
    context.database.run(read).await
}

/// One page of the active sessions of a user.
pub fn page(
    connection: &mut AnyConnection,
    user: UserId,
    now: DateTime<Utc>,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page, StoreError> {
    read_page(connection, sessions::Active { user, current: None, now }, cursor, limit)
}

fn read_page(
    connection: &mut AnyConnection,
    active: sessions::Active,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page, StoreError> {
    // One more than requested shows whether there is a next page.
    let mut sessions = sessions::active_page(connection, active, cursor, limit + 1)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = sessions.len() > limit;
    sessions.truncate(limit);
    let last = sessions.last().filter(|_| has_more);
    let next = last.map(|last| Cursor { at: last.rotated_at, id: last.id });
    Ok(Page { sessions, next })
}
