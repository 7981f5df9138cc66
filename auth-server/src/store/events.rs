//! The table `events`.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde_json::{Map, Value};

use crate::model::{self, Event, EventType, ImpossibleValue, SessionId, UserId};
use crate::store::schema::events;
use crate::store::{AnyConnection, StoreError};

/// Conditions on events. An absent one matches every event.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    pub kind: Option<EventType>,
    pub ip: Option<String>,
    /// Inclusive.
    pub since: Option<DateTime<Utc>>,
    /// Exclusive.
    pub until: Option<DateTime<Utc>>,
}

pub type Position = model::Position<i64>;

/// Rows per statement, far below the parameter limits of both databases.
const ROWS_PER_INSERT: usize = 500;

/// Inserts events in the given order.
pub fn insert(connection: &mut AnyConnection, events: &[Event]) -> Result<(), StoreError> {
    for chunk in events.chunks(ROWS_PER_INSERT) {
        let rows: Vec<NewRow> = chunk.iter().map(NewRow::from).collect();
        let insert = diesel::insert_into(events::table).values(&rows);
        match connection {
            #[cfg(feature = "postgres")]
            AnyConnection::Postgres(connection) => insert.execute(connection)?,
            AnyConnection::Sqlite(connection) => insert.execute(connection)?,
        };
    }
    Ok(())
}

/// Up to `limit` events, newest first, below `below`. The event is `None` if it cannot be parsed: a newer server may have
/// written it.
pub fn page(
    connection: &mut AnyConnection,
    filter: &Filter,
    below: Option<Position>,
    limit: i64,
) -> Result<Vec<(Position, Option<Event>)>, StoreError> {
    let mut query = events::table.select(Row::as_select()).into_boxed();
    if let Some(user) = filter.user {
        query = query.filter(events::user_id.eq(user.to_string()));
    }
    if let Some(session) = filter.session {
        query = query.filter(events::session_id.eq(session.to_string()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(events::kind.eq(kind.as_str()));
    }
    if let Some(ip) = &filter.ip {
        query = query.filter(events::ip.eq(ip.clone()));
    }
    if let Some(since) = filter.since {
        query = query.filter(events::at.ge(since.naive_utc()));
    }
    if let Some(until) = filter.until {
        query = query.filter(events::at.lt(until.naive_utc()));
    }
    if let Some(Position { at, id }) = below {
        let at = at.naive_utc();
        // The first condition is redundant, but an index can use it.
        query = query.filter(events::at.le(at)).filter(events::at.lt(at).or(events::id.lt(id)));
    }
    let rows: Vec<Row> = query.order((events::at.desc(), events::id.desc())).limit(limit).load(connection)?;
    Ok(rows.into_iter().map(Row::read).collect())
}

/// Whether a user with this id was deleted.
pub fn has_deletion(connection: &mut AnyConnection, user: UserId) -> Result<bool, StoreError> {
    let deletion = events::table
        .filter(events::user_id.eq(user.to_string()))
        .filter(events::kind.eq(EventType::UserDeleted.as_str()));
    let found: Option<i64> = deletion.select(events::id).first(connection).optional()?;
    Ok(found.is_some())
}

/// Removes everything from a user's events except the user id.
pub fn anonymize(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    let cleared =
        (events::ip.eq(None::<String>), events::user_agent.eq(None::<String>), events::details.eq("{}"));
    let rows = events::table.filter(events::user_id.eq(user.to_string()));
    diesel::update(rows).set(cleared).execute(connection)?;
    Ok(())
}

/// Deletes up to `limit` events older than `before`.
pub fn purge(connection: &mut AnyConnection, before: DateTime<Utc>, limit: i64) -> Result<usize, StoreError> {
    let old: Vec<i64> = events::table
        .filter(events::at.lt(before.naive_utc()))
        .order((events::at, events::id))
        .limit(limit)
        .select(events::id)
        .load(connection)?;
    Ok(diesel::delete(events::table.filter(events::id.eq_any(old))).execute(connection)?)
}

#[derive(Insertable)]
#[diesel(table_name = events)]
struct NewRow {
    at: NaiveDateTime,
    kind: &'static str,
    user_id: Option<String>,
    session_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    details: String,
}

impl From<&Event> for NewRow {
    fn from(event: &Event) -> Self {
        Self {
            at: event.at.naive_utc(),
            kind: event.kind.as_str(),
            user_id: event.user.map(|user| user.to_string()),
            session_id: event.session.map(|session| session.to_string()),
            ip: event.ip.clone(),
            user_agent: event.user_agent.clone(),
            details: Value::from(event.details.clone()).to_string(),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
struct Row {
    id: i64,
    at: NaiveDateTime,
    kind: String,
    user_id: Option<String>,
    session_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    details: String,
}

impl Row {
    fn read(self) -> (Position, Option<Event>) {
        let position = Position { at: self.at.and_utc(), id: self.id };
        let event = self.event().inspect_err(|error| log::warn!("event {}: {error}", position.id));
        (position, event.ok())
    }

    fn event(self) -> Result<Event, ImpossibleValue> {
        let impossible = |column| ImpossibleValue { column };
        let user = self.user_id.map(|id| id.parse()).transpose();
        let session = self.session_id.map(|id| id.parse()).transpose();
        let details: Map<String, Value> =
            serde_json::from_str(&self.details).map_err(|_| impossible("events.details"))?;
        Ok(Event {
            at: self.at.and_utc(),
            kind: self.kind.parse()?,
            user: user.map_err(|_| impossible("events.user_id"))?,
            session: session.map_err(|_| impossible("events.session_id"))?,
            ip: self.ip,
            user_agent: self.user_agent,
            details,
        })
    }
}
