/// A part of a list.
pub struct Page<T, Cursor> {
    /// At most as many as requested, and possibly fewer even if there is a next page.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

impl<T, Cursor> Page<T, Cursor> {
    /// The first `limit` rows. One row more shows that there is a next page, which begins after the last of them.
    pub fn new(mut rows: Vec<T>, limit: i64, cursor: impl FnOnce(&T) -> Option<Cursor>) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).and_then(cursor);
        Self { items: rows, next }
    }
}
