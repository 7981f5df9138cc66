//! Reads the audit log page by page.

use std::fmt;
use std::str::FromStr;

use chrono::DateTime;

use crate::model::Event;
pub use crate::store::events::Filter;
use crate::store::events::{self, Position};
use crate::store::{Database, StoreError};

/// Events, newest first.
pub struct Page {
    /// At most `limit`. Events that this version cannot read are left out.
    pub events: Vec<Event>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// A page begins after this event. New events never move it: they come before.
#[derive(Clone, Copy, Debug)]
pub struct Cursor(Position);

#[derive(Debug, thiserror::Error)]
#[error("is not the next_cursor of a page")]
pub struct InvalidCursor;

/// One page of the events that match `filter`.
pub async fn page(
    database: &Database,
    filter: Filter,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page, StoreError> {
    let below = cursor.map(|cursor| cursor.0);
    // One more than requested shows whether there is a next page.
    let found = database.run(move |connection| events::page(connection, &filter, below, limit + 1)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = (found.len() > limit).then(|| found[limit - 1].0).map(Cursor);
    Ok(Page { events: found.into_iter().take(limit).filter_map(|(_, event)| event).collect(), next })
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.at;
        write!(f, "{}.{:09}-{}", at.timestamp(), at.timestamp_subsec_nanos(), self.0.id)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let parse = || {
            let (at, id) = text.split_once('-')?;
            let (seconds, nanos) = at.split_once('.')?;
            let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if nanos.len() != 9 || ![seconds, nanos, id].into_iter().all(is_number) {
                return None;
            }
            let at = DateTime::from_timestamp(seconds.parse().ok()?, nanos.parse().ok()?)?;
            Some(Self(Position { at, id: id.parse().ok()? }))
        };
        parse().ok_or(InvalidCursor)
    }
}
