//! Reads the audit log: page by page, or new events as they are committed.

mod merge;
mod new;

use chrono::{DateTime, Utc};

use crate::domain::context::Context;
use crate::model::{self, Event, Session};
use crate::store::events;
/// A page begins after this event. New events never move it: they come before.
pub use crate::store::events::{Filter, Position as Cursor};
use crate::store::{AnyConnection, Database, StoreError};

use merge::merge;
pub use new::{ListenError, NewEvents, Received, listen};

/// Newest first. Events that this version cannot read are left out.
pub type Page = model::Page<Event, Cursor>;

/// One page of the events that match `filter`.
pub async fn page(
    database: &Database,
    filter: Filter,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page, StoreError> {
    database.run(move |connection| read_page(connection, &filter, cursor, limit, |_| true)).await
}

/// The first page, and what its reader has received: later events are new.
pub async fn first_page(
    database: &Database,
    filter: Filter,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<(Page, Received), StoreError> {
    let read = move |connection: &mut AnyConnection| {
        // First: what is committed after this is new, whether or not the page would contain it.
        let received = Received::all(connection, now)?;
        let page = read_page(connection, &filter, None, limit, |id| received.contains(id))?;
        Ok((page, received))
    };
    database.run(read).await
}

/// A page, if the session is still that of an administrator.
pub async fn page_of_administrator(
    context: &Context,
    session: &Session,
    filter: Filter,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page, ListenError> {
    let (session, now) = (session.clone(), context.now());
    let read = move |connection: &mut AnyConnection| {
        new::check(connection, &session, now)?;
        Ok::<_, ListenError>(read_page(connection, &filter, cursor, limit, |_| true)?)
    };
    context.database.run(read).await
}

fn read_page(
    connection: &mut AnyConnection,
    filter: &Filter,
    cursor: Option<Cursor>,
    limit: i64,
    is_shown: impl Fn(i64) -> bool,
) -> Result<Page, StoreError> {
    let found = matches(connection, filter, cursor, limit + 1)?;
    let found = model::Page::new(found, limit, |(position, _)| Some(*position));
    let shown = found.items.into_iter().filter(|(position, _)| is_shown(position.id));
    Ok(Page { items: shown.filter_map(|(_, event)| event).collect(), next: found.next })
}

/// Of several types or origins, each is read from its index, and then merged: no index has them in the order of the page.
fn matches(
    connection: &mut AnyConnection,
    filter: &Filter,
    below: Option<Cursor>,
    limit: i64,
) -> Result<Vec<(Cursor, Option<Event>)>, StoreError> {
    let kinds: Vec<_> = filter.kinds.iter().copied().map(Some).collect();
    let origins = filter.origins();
    let origins: Vec<_> = origins.iter().map(|origin| Some(origin.as_str())).collect();
    let of_kind = |kind| any(&origins).iter().map(move |origin| (kind, *origin));
    let indexes: Vec<_> = any(&kinds).iter().flat_map(|kind| of_kind(*kind)).collect();
    merge(&indexes, below, limit, |(kind, origin), below, limit| {
        events::page(connection, filter, kind, origin, below, limit)
    })
}

/// The values, or no condition.
fn any<T: Copy>(values: &[Option<T>]) -> &[Option<T>] {
    if values.is_empty() { &[None] } else { values }
}
