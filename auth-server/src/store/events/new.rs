//! Events in the order of their ids, which is nearly that of their commits.

use diesel::prelude::*;

use crate::model::Event;
use crate::store::events::Row;
use crate::store::schema::events;
use crate::store::{AnyConnection, StoreError};

type Rows = Vec<(i64, Option<Event>)>;

/// Up to `limit` events with greater ids, in ascending order. The event is `None` if it cannot be parsed.
pub fn after(connection: &mut AnyConnection, id: i64, limit: i64) -> Result<Rows, StoreError> {
    let query = events::table.filter(events::id.gt(id)).order(events::id).limit(limit);
    Ok(read(query.select(Row::as_select()).load(connection)?))
}

/// Up to `limit` events of these ranges of ids (inclusive), in ascending order. One statement.
pub fn within(connection: &mut AnyConnection, ranges: &[(i64, i64)], limit: i64) -> Result<Rows, StoreError> {
    if ranges.is_empty() {
        return Ok(Rows::new());
    }
    let mut query = events::table.select(Row::as_select()).into_boxed();
    for (from, to) in ranges {
        query = query.or_filter(events::id.between(*from, *to));
    }
    Ok(read(query.order(events::id).limit(limit).load(connection)?))
}

/// Up to `limit` of the greatest ids, in ascending order.
pub fn newest_ids(connection: &mut AnyConnection, limit: i64) -> Result<Vec<i64>, StoreError> {
    let query = events::table.select(events::id).order(events::id.desc()).limit(limit);
    let mut ids: Vec<i64> = query.load(connection)?;
    ids.reverse();
    Ok(ids)
}

fn read(rows: Vec<Row>) -> Rows {
    let read = |(position, event): (super::Position, _)| (position.id, event);
    rows.into_iter().map(Row::read).map(read).collect()
}
