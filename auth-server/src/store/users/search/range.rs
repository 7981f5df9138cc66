use crate::store::sql::Sql;

/// Texts that begin with a prefix, in byte order, which both databases use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range<'a> {
    /// A column.
    pub name: &'static str,
    pub prefix: &'a str,
    /// Exclusive lower bound.
    pub after: Option<&'a str>,
}

impl Range<'_> {
    pub fn sql(&self) -> Sql {
        // With two lower bounds a database may use the wrong one for the index scan.
        let lower = match self.after.filter(|after| *after >= self.prefix) {
            Some(after) => Sql::new(self.name).sql(" > ").text(after),
            None => Sql::new(self.name).sql(" >= ").text(self.prefix),
        };
        match end(self.prefix) {
            Some(end) => Sql::all([lower, Sql::new(self.name).sql(" < ").text(end)]),
            None => lower,
        }
    }
}

/// The smallest text greater than all texts with the prefix.
pub fn end(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}
