//! The table `events`.

mod new;

use std::net::IpAddr;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::dsl::{AsSelect, IntoBoxed, Select};
use diesel::prelude::*;
use serde_json::{Map, Value};

use crate::model::{self, ClientSubnet, Event, EventType, ImpossibleValue, SessionId, UserId};
use crate::store::connection::on_backend;
use crate::store::schema::events;
use crate::store::{AnyConnection, StoreError};

/// Conditions on events. An absent one matches every event.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    /// Any of them.
    pub kinds: Vec<EventType>,
    pub ip: Option<IpAddr>,
    /// Inclusive.
    pub since: Option<DateTime<Utc>>,
    /// Exclusive.
    pub until: Option<DateTime<Utc>>,
}

pub use new::{after, newest_ids, within};

pub type Position = model::Position<i64>;

/// After this time no transaction commits an event with a lower id. Longer than any transaction that inserts events.
pub const LATEST_COMMIT: TimeDelta = TimeDelta::seconds(60);

type Backend = <AnyConnection as diesel::Connection>::Backend;
type Selection = IntoBoxed<'static, Select<events::table, AsSelect<Row, Backend>>, Backend>;

/// Rows per statement, far below the parameter limits of both databases.
const ROWS_PER_INSERT: usize = 500;

/// Inserts events in the given order. Those that anyone can cause without limit are only counted, and come last.
pub fn insert(connection: &mut AnyConnection, events: &[Event]) -> Result<(), StoreError> {
    let (counted, single): (Vec<_>, Vec<_>) = events.iter().partition(|event| event.is_of_unknown_user());
    for chunk in single.chunks(ROWS_PER_INSERT) {
        let rows: Vec<NewRow> = chunk.iter().copied().map(NewRow::from).collect();
        let insert = diesel::insert_into(events::table).values(&rows);
        on_backend!(&mut *connection, |connection| insert.execute(connection))?;
    }
    counted.into_iter().try_for_each(|event| count(connection, event))
}

/// Inserts the event, or increments the one of the same subnet and hour. Concurrent transactions wait for each other.
fn count(connection: &mut AnyConnection, event: &Event) -> Result<(), StoreError> {
    let ip = event.ip.as_ref().and_then(|ip| ip.parse::<IpAddr>().ok());
    let subnet = ip.map(|ip| ClientSubnet::from(ip).to_string());
    let hour = event.at.format("%Y-%m-%dT%H");
    let counted_as = format!("{} {} {hour}", event.kind, subnet.as_deref().unwrap_or("unknown"));
    let row = NewRow { ip: subnet, user_agent: None, counted_as: Some(counted_as), ..NewRow::from(event) };
    let insert = diesel::insert_into(events::table)
        .values(row)
        .on_conflict(events::counted_as)
        .do_update()
        .set(events::occurrences.eq(events::occurrences + 1));
    on_backend!(connection, |connection| insert.execute(connection))?;
    Ok(())
}

/// Up to `limit` events of this type and origin, newest first, below `below`. Without them: of all. The origin is one of
/// [`Filter::origins`]. The event is `None` if it cannot be parsed: a newer server may have written it.
pub fn page(
    connection: &mut AnyConnection,
    filter: &Filter,
    kind: Option<EventType>,
    origin: Option<&str>,
    below: Option<Position>,
    limit: i64,
) -> Result<Vec<(Position, Option<Event>)>, StoreError> {
    let rows: Vec<Row> = selection(filter, kind, origin, below).limit(limit).load(connection)?;
    Ok(rows.into_iter().map(Row::read).collect())
}

fn selection(
    filter: &Filter,
    kind: Option<EventType>,
    origin: Option<&str>,
    below: Option<Position>,
) -> Selection {
    let mut query = events::table.select(Row::as_select()).into_boxed();
    if let Some(user) = filter.user {
        query = query.filter(events::user_id.eq(user.to_string()));
    }
    if let Some(session) = filter.session {
        query = query.filter(events::session_id.eq(session.to_string()));
    }
    if let Some(kind) = kind {
        query = query.filter(events::kind.eq(kind.as_str()));
    }
    if let Some(origin) = origin {
        query = query.filter(events::ip.eq(origin.to_owned()));
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
    query.order((events::at.desc(), events::id.desc()))
}

impl Filter {
    /// The address, and its subnet if that is another one: failed logins with unknown names are counted by subnet. Empty: any
    /// origin.
    pub fn origins(&self) -> Vec<String> {
        let texts = self.ip.map(|ip| [ip.to_string(), ClientSubnet::from(ip).to_string()]);
        let mut origins: Vec<String> = texts.into_iter().flatten().collect();
        origins.dedup();
        origins
    }

    /// Whether the event meets the conditions, as in a page.
    pub fn matches(&self, event: &Event) -> bool {
        let origins = self.origins();
        let has_origin = event.ip.as_ref().is_some_and(|ip| origins.contains(ip));
        self.user.is_none_or(|user| event.user == Some(user))
            && self.session.is_none_or(|session| event.session == Some(session))
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && (origins.is_empty() || has_origin)
            && self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at < until)
    }
}

/// Whether a user with this id was deleted. Slow for a user with many events who was not.
pub fn has_deletion(connection: &mut AnyConnection, user: UserId) -> Result<bool, StoreError> {
    let deletion = events::table
        .filter(events::user_id.eq(user.to_string()))
        .filter(events::kind.eq(EventType::UserDeleted.as_str()));
    // The deletion is among the newest events of the user, who may have a million.
    let newest = deletion.order((events::at.desc(), events::id.desc()));
    let found: Option<i64> = newest.select(events::id).first(connection).optional()?;
    Ok(found.is_some())
}

/// Removes everything but the user id from up to `limit` of the user's events, in order of time, after `after`. Returns the
/// last one, if there may be more. The event of the deletion remains as it is.
pub fn anonymize(
    connection: &mut AnyConnection,
    user: UserId,
    after: Option<Position>,
    limit: i64,
) -> Result<Option<Position>, StoreError> {
    let mut query = events::table.select((events::id, events::at)).into_boxed();
    query = query.filter(events::user_id.eq(user.to_string()));
    if let Some(Position { at, id }) = after {
        let at = at.naive_utc();
        query = query.filter(events::at.ge(at)).filter(events::at.gt(at).or(events::id.gt(id)));
    }
    let found: Vec<(i64, NaiveDateTime)> =
        query.order((events::at, events::id)).limit(limit).load(connection)?;
    let is_full = i64::try_from(found.len()).is_ok_and(|count| count == limit);
    let last = found.last().filter(|_| is_full).map(|(id, at)| Position { at: at.and_utc(), id: *id });
    let ids = found.into_iter().map(|(id, _)| id);
    let rows = events::table
        .filter(events::id.eq_any(ids.collect::<Vec<_>>()))
        .filter(events::kind.ne(EventType::UserDeleted.as_str()));
    let cleared =
        (events::ip.eq(None::<String>), events::user_agent.eq(None::<String>), events::details.eq("{}"));
    diesel::update(rows).set(cleared).execute(connection)?;
    Ok(last)
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
    counted_as: Option<String>,
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
            counted_as: None,
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
    occurrences: i32,
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
        let mut details: Map<String, Value> =
            serde_json::from_str(&self.details).map_err(|_| impossible("events.details"))?;
        if self.occurrences > 1 {
            details.insert("count".to_owned(), self.occurrences.into());
        }
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

#[cfg(test)]
mod tests {
    use test_support::TestDatabase;

    use crate::store::Database;
    use crate::store::events::*;
    use crate::store::explain::explain;

    #[tokio::test]
    async fn events_of_a_type_from_an_address_are_read_from_their_index() {
        let test = TestDatabase::fresh();
        let database = Database::open(&test.url.parse().expect("a URL"), 1).expect("a database");
        test.db_execute(
            "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000) \
             INSERT INTO events (at, type, ip) SELECT CURRENT_TIMESTAMP, \
             CASE WHEN number % 3 = 0 THEN 'login_failed' ELSE 'login_succeeded' END, '192.0.2.' || (number % 2) FROM numbers; \
             ANALYZE events",
        );
        let (kind, origin) = (Some(EventType::LoginFailed), Some("192.0.2.1"));
        let query = selection(&Filter::default(), kind, origin, None).limit(50);
        let plan = database.run(move |connection| explain(connection, query)).await.expect("a plan");
        assert!(plan.contains("events_by_ip_and_type"), "{plan}");
    }
}
