//! Reads the active sessions of all users page by page.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};

use crate::domain::sessions::Cursor;
use crate::model::{Page, Session, User, UserId};
use crate::store::{AnyConnection, Database, StoreError, sessions, users};

/// One page of the active sessions with their users, newest login first. With `ip`: of those from this address.
pub async fn list_all(
    database: &Database,
    ip: Option<IpAddr>,
    cursor: Option<Cursor>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Page<(Session, User), Cursor>, StoreError> {
    let ip = ip.map(|ip| ip.to_string());
    let read = move |connection: &mut AnyConnection| {
        let found = sessions::newest_page(connection, ip.as_deref(), cursor, limit + 1, now)?;
        let cursor = |last: &Session| Some(Cursor { at: last.created_at, id: last.id });
        let Page { items, next } = Page::new(found.sessions, limit, cursor);
        let ids: Vec<UserId> = items.iter().map(|session| session.user_id).collect();
        let users = users::by_ids(connection, &ids)?;
        let users: HashMap<UserId, User> = users.into_iter().map(|user| (user.id, user)).collect();
        let with_user = |session: Session| users.get(&session.user_id).cloned().map(|user| (session, user));
        Ok(Page { items: items.into_iter().filter_map(with_user).collect(), next: next.or(found.read_until) })
    };
    database.run(read).await
}
