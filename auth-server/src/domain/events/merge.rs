//! Events of several indexes in the order of a page.

use std::cmp::Reverse;

use crate::model::Event;
use crate::store::StoreError;
use crate::store::events::Position;

type Rows = Vec<(Position, Option<Event>)>;

/// Most pages need no second read of an index.
const MIN_READ: i64 = 50;

/// The first `limit` rows below `below` of all sources, newest first. `read` returns up to so many rows of a source. Reads
/// little more than `limit` rows, however many sources there are: each in parts, and the next part only if the page needs it.
pub fn merge<S: Copy>(
    sources: &[S],
    below: Option<Position>,
    limit: i64,
    mut read: impl FnMut(S, Option<Position>, i64) -> Result<Rows, StoreError>,
) -> Result<Rows, StoreError> {
    let count = i64::try_from(sources.len()).unwrap_or(i64::MAX).max(1);
    let part = (limit / count + 1).max(MIN_READ).min(limit);
    let max = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Rows::new();
    let mut unread: Vec<_> = sources.iter().map(|source| (*source, below)).collect();
    while !unread.is_empty() {
        for (source, below) in std::mem::take(&mut unread) {
            let rows = read(source, below, part)?;
            if i64::try_from(rows.len()).is_ok_and(|count| count == part) {
                unread.push((source, rows.last().map(|(position, _)| *position)));
            }
            found.extend(rows);
        }
        found.sort_by_key(|(position, _)| Reverse(key(*position)));
        found.truncate(max);
        if found.len() == max {
            let last = found.last().map(|(position, _)| key(*position));
            unread.retain(|(_, below)| below.map(key) > last);
        }
    }
    Ok(found)
}

fn key(position: Position) -> (chrono::DateTime<chrono::Utc>, i64) {
    (position.at, position.id)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use crate::domain::events::merge::*;

    #[test]
    fn many_sources_are_merged_without_many_reads() {
        // Source 0 has each second event; the others share the rest.
        let source = |id| if id % 2 == 0 { 0 } else { 1 + id % 19 };
        let all: Vec<(i64, i64)> = (0..20_000).map(|id| (source(id), id)).collect();
        let position = |id| Position { at: DateTime::UNIX_EPOCH + TimeDelta::seconds(id / 3), id };
        let sources: Vec<i64> = (0..20).collect();
        for limit in [1, 10, 1_001] {
            let (mut below, mut rows_read, mut ids) = (None, 0, Vec::new());
            for _ in 0..3 {
                let read = |source, below: Option<Position>, limit: i64| {
                    let of_source = all.iter().rev().filter(|(of, _)| *of == source);
                    let rows = of_source.map(|(_, id)| (position(*id), None));
                    let rows = rows.filter(|(row, _)| below.is_none_or(|below| row.id < below.id));
                    let rows: Rows = rows.take(usize::try_from(limit).unwrap()).collect();
                    rows_read += rows.len();
                    Ok(rows)
                };
                let page = merge(&sources, below, limit, read).expect("a page");
                below = page.last().map(|(position, _)| *position);
                ids.extend(page.into_iter().map(|(position, _)| position.id));
            }
            let expected: Vec<i64> = (0..20_000).rev().take(ids.len()).collect();
            assert_eq!(ids, expected);
            assert_eq!(ids.len(), usize::try_from(3 * limit).unwrap());
            assert!(
                rows_read <= 3 * 3 * usize::try_from(limit.max(MIN_READ * 10)).unwrap(),
                "{limit}: {rows_read}"
            );
        }
    }
}
