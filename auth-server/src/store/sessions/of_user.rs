//! The sessions of one user: the list of the active ones, their limit, and their deletion.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, IntoBoxed, Select};
use diesel::prelude::*;

use crate::model::{EndReason, Position, Session, SessionId, UserId};
use crate::store::schema::sessions;
use crate::store::sessions::row::Row;
use crate::store::sessions::{ending, ids};
use crate::store::{AnyConnection, StoreError};

/// Ids in one statement, far below the parameter limit of SQLite.
const IDS_PER_UPDATE: i64 = 1000;

/// The sessions of a user that have neither ended nor expired.
#[derive(Clone, Copy, Debug)]
pub struct Active {
    pub user: UserId,
    /// The session of the request, which is active even if its row, restored from a backup, has passed the idle limit.
    pub current: Option<SessionId>,
    pub now: DateTime<Utc>,
}

type Backend = <AnyConnection as diesel::Connection>::Backend;
type Query = IntoBoxed<'static, Select<sessions::table, AsSelect<Row, Backend>>, Backend>;

/// Up to `limit` active sessions below `below`, last used first.
pub fn active_page(
    connection: &mut AnyConnection,
    active: Active,
    below: Option<Position<SessionId>>,
    limit: i64,
) -> Result<Vec<Session>, StoreError> {
    let rows: Vec<Row> = query(active, below, limit).load(connection)?;
    Ok(rows.into_iter().map(Session::try_from).collect::<Result<_, _>>()?)
}

fn query(active: Active, below: Option<Position<SessionId>>, limit: i64) -> Query {
    let now = active.now.naive_utc();
    let current = active.current.map(|current| current.to_string()).unwrap_or_default();
    let mut query = sessions::table.select(Row::as_select()).into_boxed();
    query = query
        .filter(sessions::user_id.eq(active.user.to_string()))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::idle_expires_at.gt(now).or(sessions::id.eq(current)));
    if let Some(Position { at, id }) = below {
        let at = at.naive_utc();
        let is_below =
            sessions::rotated_at.lt(at).or(sessions::rotated_at.eq(at).and(sessions::id.gt(id.to_string())));
        query = query.filter(is_below);
    }
    query.order((sessions::rotated_at.desc(), sessions::id)).limit(limit)
}

/// Ends the least recently used active sessions of a user until `max` are left, and returns the ids of the ended ones.
/// `new`, which was just created, is not ended. The user's row must be locked, so that concurrent logins count each other.
pub fn end_excess(
    connection: &mut AnyConnection,
    user: UserId,
    new: SessionId,
    max: i64,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<Vec<SessionId>, StoreError> {
    let at = now.naive_utc();
    let mut ended = Vec::new();
    loop {
        let excess: Vec<String> = sessions::table
            .filter(sessions::user_id.eq(user.to_string()))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::expires_at.gt(at))
            .filter(sessions::idle_expires_at.gt(at))
            .filter(sessions::id.ne(new.to_string()))
            .order((sessions::rotated_at.desc(), sessions::id))
            .offset(max - 1)
            .limit(IDS_PER_UPDATE)
            .select(sessions::id)
            .load(connection)?;
        if excess.is_empty() {
            return Ok(ended);
        }
        let rows = sessions::table.filter(sessions::id.eq_any(excess)).filter(sessions::ended_at.is_null());
        let more: Vec<String> =
            diesel::update(rows).set(ending(reason, now)).returning(sessions::id).get_results(connection)?;
        ended.extend(ids(&more)?);
    }
}

/// Deletes up to `limit` sessions of a user, ended or not. Returns how many.
pub fn delete_of_user(connection: &mut AnyConnection, user: UserId, limit: i64) -> Result<i64, StoreError> {
    let ids: Vec<String> = sessions::table
        .filter(sessions::user_id.eq(user.to_string()))
        .limit(limit)
        .select(sessions::id)
        .load(connection)?;
    let deleted = diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(connection)?;
    Ok(i64::try_from(deleted).unwrap_or(limit))
}

#[cfg(test)]
mod tests {
    use test_support::TestDatabase;

    use crate::store::Database;
    use crate::store::explain::explain;
    use crate::store::sessions::of_user::*;

    #[actix_web::test]
    async fn a_page_does_not_read_sessions_that_have_ended() {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        let user = UserId::random();
        test.db_execute(&format!(
            "INSERT INTO users (id, email, password_hash, version, created_at) \
             VALUES ('{user}', 'ann@example.org', '', 1, CURRENT_TIMESTAMP); \
             WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000) \
             INSERT INTO sessions (id, user_id, client_id, generation, secret_hash, rotated_at, delivery, remember, \
             auth_time, created_at, idle_expires_at, expires_at, ended_at, end_reason) \
             SELECT 'id' || number, '{user}', 'web', 0, '', CURRENT_TIMESTAMP, 'body', true, CURRENT_TIMESTAMP, \
             CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 'logged_out' FROM numbers; \
             ANALYZE sessions",
        ));
        let now = DateTime::UNIX_EPOCH;
        let position = Position { at: now, id: SessionId::random() };
        for below in [None, Some(position)] {
            let query = query(Active { user, current: Some(position.id), now }, below, 50);
            let plan = database.run(move |connection| explain(connection, query)).await.expect("a plan");
            assert!(plan.contains("sessions_active"), "{plan}");
        }
    }
}
