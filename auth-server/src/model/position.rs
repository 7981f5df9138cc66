use std::fmt::{self, Display};
use std::str::FromStr;

use chrono::{DateTime, Utc};

/// The last row of a page of a list that is ordered by time, newest first. The next page begins after it. As text it is the
/// `cursor` of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position<Id> {
    pub at: DateTime<Utc>,
    /// Distinguishes rows of the same time.
    pub id: Id,
}

#[derive(Debug, thiserror::Error)]
#[error("is not the next_cursor of a page")]
pub struct InvalidCursor;

impl<Id: Display> Display for Position<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}-{}", self.at.timestamp(), self.at.timestamp_subsec_nanos(), self.id)
    }
}

impl<Id: Display + FromStr> FromStr for Position<Id> {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let parse = || {
            let (at, id) = text.split_once('-')?;
            let (seconds, nanos) = at.split_once('.')?;
            let at = DateTime::from_timestamp(seconds.parse().ok()?, nanos.parse().ok()?)?;
            let position = Self { at, id: id.parse().ok()? };
            // Only in the form in which pages have it.
            Some(position).filter(|position| position.to_string() == text)
        };
        parse().ok_or(InvalidCursor)
    }
}
