//! The table `events`.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde_json::{Map, Value};

use crate::model::{Event, EventType, ImpossibleValue, SessionId, UserId};
use crate::store::schema::events;
use crate::store::{AnyConnection, StoreError};

/// Which events are asked for; what is not given does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of one person.
    pub user: Option<UserId>,
    /// Of one session.
    pub session: Option<SessionId>,
    /// Of one kind.
    pub kind: Option<EventType>,
    /// From one address.
    pub ip: Option<String>,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
}

/// Where a page ends: the next one begins below.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    /// `events.at`
    pub at: DateTime<Utc>,
    /// `events.id`
    pub id: i64,
}

/// How many go into one statement, far below the number of values that either database takes.
const ROWS: usize = 500;

/// Writes events, in the order given.
///
/// # Errors
/// The database failed.
pub fn insert(connection: &mut AnyConnection, events: &[Event]) -> Result<(), StoreError> {
    for some in events.chunks(ROWS) {
        let rows: Vec<NewRow> = some.iter().map(NewRow::from).collect();
        let insert = diesel::insert_into(events::table).values(&rows);
        match connection {
            #[cfg(feature = "postgres")]
            AnyConnection::Postgres(connection) => insert.execute(connection)?,
            AnyConnection::Sqlite(connection) => insert.execute(connection)?,
        };
    }
    Ok(())
}

/// At most `limit` events, newest first, below `below`. In the place of one that a newer server has written, and that cannot be
/// read here, stands nothing.
///
/// # Errors
/// The database failed.
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
        // The first condition says nothing new, but it is the one that an index can use.
        query = query.filter(events::at.le(at)).filter(events::at.lt(at).or(events::id.lt(id)));
    }
    let rows: Vec<Row> = query.order((events::at.desc(), events::id.desc())).limit(limit).load(connection)?;
    Ok(rows.into_iter().map(Row::read).collect())
}

/// Whether a person of this id was deleted.
///
/// # Errors
/// The database failed.
pub fn tell_of_deletion(connection: &mut AnyConnection, user: UserId) -> Result<bool, StoreError> {
    let deletion = events::table
        .filter(events::user_id.eq(user.to_string()))
        .filter(events::kind.eq(EventType::UserDeleted.as_str()));
    let found: Option<i64> = deletion.select(events::id).first(connection).optional()?;
    Ok(found.is_some())
}

/// Leaves no more of a person in their events than the id.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    let nothing =
        (events::ip.eq(None::<String>), events::user_agent.eq(None::<String>), events::details.eq("{}"));
    let theirs = events::table.filter(events::user_id.eq(user.to_string()));
    diesel::update(theirs).set(nothing).execute(connection)?;
    Ok(())
}

/// Deletes at most `limit` events that are older.
///
/// # Errors
/// The database failed.
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
