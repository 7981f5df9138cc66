//! Reads the audit log page by page.

use crate::model::Event;
use crate::store::events;
/// A page begins after this event. New events never move it: they come before.
pub use crate::store::events::{Filter, Position as Cursor};
use crate::store::{Database, StoreError};

/// Events, newest first.
pub struct Page {
    /// At most `limit`. Events that this version cannot read are left out.
    pub events: Vec<Event>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// One page of the events that match `filter`.
pub async fn page(
    database: &Database,
    filter: Filter,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page, StoreError> {
    // One more than requested shows whether there is a next page.
    let found = database.run(move |connection| events::page(connection, &filter, cursor, limit + 1)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = (found.len() > limit).then(|| found[limit - 1].0);
    Ok(Page { events: found.into_iter().take(limit).filter_map(|(_, event)| event).collect(), next })
}
