//! Finds users, one by one or page by page.

use std::fmt;
use std::str::FromStr;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

use crate::model::{Email, InvalidCursor, User, UserId, Username};
use crate::store::users::{self, Range};
use crate::store::{AnyConnection, Database, StoreError};

/// The longest e-mail address.
const MAX_QUERY_CHARS: usize = 254;
/// Rows in one read when some may be skipped.
const BATCH: i64 = 250;
/// Rows that one page may read. A page may therefore have fewer users than requested, and still a next page.
const MAX_ROWS: i64 = 500;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// Users whose e-mail address or username begins with this; all users if it is empty.
    Prefix(String),
    Id(UserId),
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidSearch {
    /// PostgreSQL does not accept NUL, and no e-mail address or username contains others.
    #[error("must not contain control characters")]
    ControlCharacter,
    #[error("must be at most {MAX_QUERY_CHARS} characters long")]
    TooLong,
}

pub struct Page {
    /// At most `limit`, and possibly fewer even if there is a next page.
    pub users: Vec<User>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// Where a page begins. Users whose e-mail address begins with the text come first, then users whose username alone
/// begins with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    Email(String),
    /// After this username; at the first one if it is empty.
    Username(String),
}

/// One user, as an operator names them.
#[derive(Clone)]
pub enum UserRef {
    Id(UserId),
    Email(Email),
    Username(Username),
}

#[derive(Debug, thiserror::Error)]
#[error("expected an id, an e-mail address or a username")]
pub struct InvalidUserRef;

pub async fn find(database: &Database, user: UserRef) -> Result<Option<User>, StoreError> {
    let find = move |connection: &mut AnyConnection| match &user {
        UserRef::Id(id) => users::by_id(connection, *id),
        UserRef::Email(email) => users::by_email(connection, email),
        UserRef::Username(username) => users::by_username(connection, username),
    };
    database.run(find).await
}

/// One page of the users that match.
pub async fn page(
    database: &Database,
    search: Search,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page, StoreError> {
    let read = move |connection: &mut AnyConnection| match search {
        Search::Id(id) => Ok(Page { users: users::by_id(connection, id)?.into_iter().collect(), next: None }),
        Search::Prefix(prefix) => Reader { connection, prefix, limit, found: Vec::new() }.page(cursor),
    };
    database.run(read).await
}

struct Reader<'a> {
    connection: &'a mut AnyConnection,
    prefix: String,
    limit: i64,
    found: Vec<User>,
}

impl Reader<'_> {
    fn page(mut self, cursor: Option<Cursor>) -> Result<Page, StoreError> {
        let next = match cursor {
            None => self.by_email(None)?,
            Some(Cursor::Email(after)) => self.by_email(Some(&after))?,
            Some(Cursor::Username(after)) => self.by_username(after)?,
        };
        Ok(Page { users: self.found, next })
    }

    fn missing(&self) -> i64 {
        self.limit - i64::try_from(self.found.len()).unwrap_or(self.limit)
    }

    fn by_email(&mut self, after: Option<&str>) -> Result<Option<Cursor>, StoreError> {
        let range = Range::new(&self.prefix, after);
        // One more than requested shows whether there is a next page.
        self.found = users::page_by_email(self.connection, &range, self.limit + 1)?;
        if self.missing() < 0 {
            self.found.pop();
            return Ok(self.found.last().map(|last| Cursor::Email(last.email.as_str().to_owned())));
        }
        // Every user has an e-mail address.
        if self.prefix.is_empty() {
            return Ok(None);
        }
        self.by_username(String::new())
    }

    /// Users whose e-mail address matches were listed before. They are skipped here: a condition in the statement could make
    /// it read a million rows for a few results.
    fn by_username(&mut self, mut after: String) -> Result<Option<Cursor>, StoreError> {
        let mut rows = 0;
        while rows < MAX_ROWS {
            let range = Range::new(&self.prefix, Some(after.as_str()).filter(|after| !after.is_empty()));
            let batch = users::page_by_username(self.connection, &range, BATCH)?;
            let is_last = i64::try_from(batch.len()).is_ok_and(|count| count < BATCH);
            for user in batch {
                let is_new = !user.email.as_str().starts_with(&self.prefix);
                if is_new && self.missing() == 0 {
                    return Ok(Some(Cursor::Username(after)));
                }
                if let Some(username) = &user.username {
                    username.as_str().clone_into(&mut after);
                }
                self.found.extend(Some(user).filter(|_| is_new));
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
    pub fn all() -> Self {
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
        // A whole address is stored in its normal form; the beginning of one has none.
        let prefix =
            || Email::parse(text).map_or_else(|_| text.trim().to_lowercase(), |email| email.to_string());
        Ok(id(text).map_or_else(|| Self::Prefix(prefix()), Self::Id))
    }
}

impl FromStr for UserRef {
    type Err = InvalidUserRef;

    fn from_str(text: &str) -> Result<Self, InvalidUserRef> {
        let user = match id(text) {
            Some(id) => Some(Self::Id(id)),
            None if text.contains('@') => Email::parse(text).ok().map(Self::Email),
            None => Username::parse(text).ok().map(Self::Username),
        };
        user.ok_or(InvalidUserRef)
    }
}

/// Only with hyphens: a username may be 32 hexadecimal digits.
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
