//! Reads the active sessions of all users page by page.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};

use crate::domain::sessions::Cursor;
use crate::model::{Session, User, UserId};
use crate::store::{AnyConnection, Database, StoreError, sessions, users};

/// Active sessions with their users, newest login first.
pub struct PageOfAll {
    /// At most `limit`, and possibly fewer even if there is a next page.
    pub sessions: Vec<(Session, User)>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// One page of the sessions, perhaps of those from one address.
pub async fn list_all(
    database: &Database,
    ip: Option<IpAddr>,
    cursor: Option<Cursor>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<PageOfAll, StoreError> {
    let ip = ip.map(|ip| ip.to_string());
    let read = move |connection: &mut AnyConnection| {
        // One more than requested shows whether there is a next page.
        let found = sessions::newest_page(connection, ip.as_deref(), cursor, limit + 1, now)?;
        let mut page = found.sessions;
        let has_more = i64::try_from(page.len()).is_ok_and(|count| count > limit);
        page.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let last = page.last().filter(|_| has_more);
        let next = last.map(|last| Cursor { at: last.created_at, id: last.id }).or(found.read_until);
        let ids: Vec<UserId> = page.iter().map(|session| session.user_id).collect();
        let users = users::by_ids(connection, &ids)?;
        let users: HashMap<UserId, User> = users.into_iter().map(|user| (user.id, user)).collect();
        let with_user = |session: Session| users.get(&session.user_id).cloned().map(|user| (session, user));
        Ok(PageOfAll { sessions: page.into_iter().filter_map(with_user).collect(), next })
    };
    database.run(read).await
}
