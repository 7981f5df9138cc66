//! People, found one by one or page by page.

use std::fmt;
use std::str::FromStr;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

use crate::domain::events::InvalidCursor;
use crate::domain::passwords::verification::{self, Identifier};
use crate::model::{Email, User, UserId, Username};
use crate::store::users::{self, Range};
use crate::store::{AnyConnection, Database, StoreError};

/// Nothing that people are found by is longer.
const MAX_QUERY_CHARS: usize = 254;
/// How many rows are read at once where some may be passed over.
const BATCH: i64 = 250;
/// How many rows a page may cost. It may have fewer people then, and more to come.
const MAX_ROWS: i64 = 500;

/// Who is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// Whose e-mail address or username begins with this; with nothing: everybody.
    Prefix(String),
    /// Whoever has this id.
    Id(UserId),
}

/// Why nobody can be found by a text.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSearch {
    /// No database is to meet them.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// Longer than any e-mail address.
    #[error("must be at most {MAX_QUERY_CHARS} characters long")]
    TooLong,
}

/// Some people.
pub struct Page {
    /// At most as many as were asked for; there may be fewer, and more to come.
    pub people: Vec<User>,
    /// Where the next page begins, if there is more.
    pub next: Option<Cursor>,
}

/// Where a page begins. Those whose e-mail address begins with the text come first, then those of whom only the
/// username does, each in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// After this e-mail address.
    Email(String),
    /// After this username; with nothing, with the first.
    Username(String),
}

/// One person, as an operator names them.
#[derive(Clone)]
pub enum Whom {
    /// Actor id.
    Id(UserId),
    /// Actor e-mail address or username.
    Name(Identifier),
}

/// The text names nobody.
#[derive(Debug, thiserror::Error)]
#[error("give an id, an e-mail address or a username")]
pub struct InvalidName;

/// The person, if there is one.
///
/// # Errors
/// The database failed.
pub async fn find(database: &Database, whom: Whom) -> Result<Option<User>, StoreError> {
    let find = move |connection: &mut AnyConnection| match &whom {
        Whom::Id(id) => users::by_id(connection, *id),
        Whom::Name(name) => verification::find(connection, name),
    };
    database.run(find).await
}

/// One page of the people who are looked for.
///
/// # Errors
/// The database failed.
pub async fn page(
    database: &Database,
    search: Search,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page, StoreError> {
    let read = move |connection: &mut AnyConnection| match search {
        Search::Id(id) => {
            Ok(Page { people: users::by_id(connection, id)?.into_iter().collect(), next: None })
        }
        Search::Prefix(prefix) => Reading { connection, prefix, limit, people: Vec::new() }.page(cursor),
    };
    database.run(read).await
}

struct Reading<'a> {
    connection: &'a mut AnyConnection,
    prefix: String,
    limit: i64,
    people: Vec<User>,
}

impl Reading<'_> {
    fn page(mut self, cursor: Option<Cursor>) -> Result<Page, StoreError> {
        let next = match cursor {
            None => self.by_email(None)?,
            Some(Cursor::Email(after)) => self.by_email(Some(&after))?,
            Some(Cursor::Username(after)) => self.by_username(after)?,
        };
        Ok(Page { people: self.people, next })
    }

    fn missing(&self) -> i64 {
        self.limit - i64::try_from(self.people.len()).unwrap_or(self.limit)
    }

    fn by_email(&mut self, after: Option<&str>) -> Result<Option<Cursor>, StoreError> {
        let range = Range::new(&self.prefix, after);
        // One more than is wanted tells whether there is a next page.
        self.people = users::page_by_email(self.connection, &range, self.limit + 1)?;
        if self.missing() < 0 {
            self.people.pop();
            return Ok(self.people.last().map(|last| Cursor::Email(last.email.as_str().to_owned())));
        }
        // Everybody has an e-mail address.
        if self.prefix.is_empty() {
            return Ok(None);
        }
        self.by_username(String::new())
    }

    /// Whoever has stood among the e-mail addresses is passed over here and not in the statement, which would search a
    /// million rows for the few that it wants.
    fn by_username(&mut self, mut after: String) -> Result<Option<Cursor>, StoreError> {
        let mut rows = 0;
        while rows < MAX_ROWS {
            let range = Range::new(&self.prefix, Some(after.as_str()).filter(|after| !after.is_empty()));
            let found = users::page_by_username(self.connection, &range, BATCH)?;
            let is_last = i64::try_from(found.len()).is_ok_and(|found| found < BATCH);
            for user in found {
                let is_new = !user.email.as_str().starts_with(&self.prefix);
                if is_new && self.missing() == 0 {
                    return Ok(Some(Cursor::Username(after)));
                }
                if let Some(username) = &user.username {
                    username.as_str().clone_into(&mut after);
                }
                self.people.extend(Some(user).filter(|_| is_new));
            }
            if is_last {
                return Ok(None);
            }
            rows += BATCH;
        }
        Ok(Some(Cursor::Username(after)))
    }
}

impl Search {
    /// Everybody.
    #[must_use]
    pub fn everybody() -> Self {
        Self::Prefix(String::new())
    }
}

impl FromStr for Search {
    type Err = InvalidSearch;

    fn from_str(text: &str) -> Result<Self, InvalidSearch> {
        if text.chars().any(char::is_control) {
            return Err(InvalidSearch::ControlCharacter);
        }
        if text.chars().count() > MAX_QUERY_CHARS {
            return Err(InvalidSearch::TooLong);
        }
        Ok(id(text).map_or_else(|| Self::Prefix(text.trim().to_lowercase()), Self::Id))
    }
}

impl FromStr for Whom {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let name = match id(text) {
            Some(id) => return Ok(Self::Id(id)),
            None if text.contains('@') => Email::parse(text).ok().map(Identifier::Email),
            None => Username::parse(text).ok().map(Identifier::Username),
        };
        name.map(Self::Name).ok_or(InvalidName)
    }
}

/// With its hyphens alone: a username may be 32 hexadecimal digits.
fn id(text: &str) -> Option<UserId> {
    if text.len() == 36 { text.parse().ok() } else { None }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Email(after) => format!("e{after}"),
            Self::Username(after) => format!("u{after}"),
        };
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(text))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let text = String::from_utf8(bytes).map_err(|_| InvalidCursor)?;
        if text.chars().any(char::is_control) || text.chars().count() > MAX_QUERY_CHARS + 1 {
            return Err(InvalidCursor);
        }
        match text.split_at_checked(1) {
            Some(("e", after)) => Ok(Self::Email(after.to_owned())),
            Some(("u", after)) => Ok(Self::Username(after.to_owned())),
            _ => Err(InvalidCursor),
        }
    }
}
