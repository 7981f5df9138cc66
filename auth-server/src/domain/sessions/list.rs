//! Reads the active sessions of a user page by page.

use chrono::{DateTime, Utc};

use crate::domain::context::Context;
use crate::model::{Page, Position, Session, SessionId, UserId};
use crate::store::{AnyConnection, StoreError, sessions};

/// A page begins after this session. A session that is used meanwhile moves before it, and is missing on the page.
pub type Cursor = Position<SessionId>;

/// One page of the active sessions of the user of `current`, last used first.
pub async fn list(
    context: &Context,
    current: &Session,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page<Session, Cursor>, StoreError> {
    let (user, current, now) = (current.user_id, current.id, context.now());
    let read = move |connection: &mut AnyConnection| {
        read_page(connection, sessions::Active { user, current: Some(current), now }, cursor, limit)
    };
    context.database.run(read).await
}

/// One page of the active sessions of a user, last used first.
pub fn page(
    connection: &mut AnyConnection,
    user: UserId,
    now: DateTime<Utc>,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page<Session, Cursor>, StoreError> {
    read_page(connection, sessions::Active { user, current: None, now }, cursor, limit)
}

fn read_page(
    connection: &mut AnyConnection,
    active: sessions::Active,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page<Session, Cursor>, StoreError> {
    let sessions = sessions::active_page(connection, active, cursor, limit + 1)?;
    Ok(Page::new(sessions, limit, |last| Some(Cursor { at: last.rotated_at, id: last.id })))
}
