//! Finds users, one by one or page by page.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

use crate::model::{Email, InvalidCursor, Position, User, UserId, Username};
use crate::store::users::{self, Limits, List, Start};
pub use crate::store::users::{Filter, LastLogin, Status, Total};
use crate::store::{AnyConnection, Database, StoreError};

/// The longest e-mail address.
const MAX_QUERY_CHARS: usize = 254;

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

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// E-mail addresses. Users whose username alone begins with the text of the search come last.
    #[default]
    Email,
    Newest,
    LastLogin,
}

pub struct Page {
    /// At most `limit`, and possibly fewer even if there is a next page.
    pub users: Vec<User>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// On a first page.
    pub total: Option<Total>,
}

/// Where a page begins. Users who are created or log in meanwhile may be missing in lists that are sorted by that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(Start);

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

/// One page of the users that match. The cursor must be of the same order.
pub async fn page(
    database: &Database,
    filter: Filter,
    sort: Sort,
    cursor: Option<Cursor>,
    limit: i64,
) -> Result<Page, StoreError> {
    let read = move |connection: &mut AnyConnection| {
        read_page(connection, filter, sort, cursor, limit, Limits::DEFAULT)
    };
    database.run(read).await
}

fn read_page(
    connection: &mut AnyConnection,
    filter: Filter,
    sort: Sort,
    cursor: Option<Cursor>,
    limit: i64,
    limits: Limits,
) -> Result<Page, StoreError> {
    let has_prefix = !filter.prefix.is_empty();
    let list = List::new(connection, filter, limits)?;
    let total = if cursor.is_none() { Some(list.total(connection)?) } else { None };
    let start = cursor.map_or_else(|| sort.start(), |cursor| cursor.0);
    let mut users = Vec::new();
    let next = read(connection, &list, start, has_prefix, limit, &mut users)?;
    Ok(Page { users, next: next.map(Cursor), total })
}

/// Returns where the next page begins.
fn read(
    connection: &mut AnyConnection,
    list: &List,
    mut start: Start,
    has_prefix: bool,
    limit: i64,
    users: &mut Vec<User>,
) -> Result<Option<Start>, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    loop {
        let before = users.len();
        // One more than requested shows whether there is a next page.
        let missing = i64::try_from(limit - before + 1).unwrap_or(i64::MAX);
        let found = list.page(connection, &start, missing)?;
        users.extend(found.users);
        if users.len() > limit {
            users.truncate(limit);
            let shown = users.last().filter(|_| limit > before);
            return Ok(Some(shown.and_then(|user| start.after(user)).unwrap_or(start)));
        }
        match (found.read_until, &start) {
            (Some(read_until), _) => return Ok(Some(read_until)),
            (None, Start::Email(_)) if has_prefix => start = Start::Username(None),
            (None, _) => return Ok(None),
        }
    }
}

impl Sort {
    fn start(self) -> Start {
        match self {
            Self::Email => Start::Email(None),
            Self::Newest => Start::Newest(None),
            Self::LastLogin => Start::LastLogin(None),
        }
    }
}

impl FromStr for Sort {
    type Err = InvalidSort;

    fn from_str(text: &str) -> Result<Self, InvalidSort> {
        match text {
            "email" => Ok(Self::Email),
            "-created_at" => Ok(Self::Newest),
            "-last_login_at" => Ok(Self::LastLogin),
            _ => Err(InvalidSort),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("must be email, -created_at or -last_login_at")]
pub struct InvalidSort;

impl Search {
    pub fn all() -> Self {
        Self::Prefix(String::new())
    }

    /// The users that this finds, without further conditions.
    pub fn filter(self) -> Filter {
        match self {
            Self::Prefix(prefix) => Filter { prefix, ..Filter::default() },
            Self::Id(id) => Filter { id: Some(id), ..Filter::default() },
        }
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

impl Cursor {
    pub fn is_of(&self, sort: Sort) -> bool {
        match self.0 {
            Start::Email(_) | Start::Username(_) => sort == Sort::Email,
            Start::Newest(_) => sort == Sort::Newest,
            Start::LastLogin(_) => sort == Sort::LastLogin,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position =
            |at: &Option<Position<UserId>>| at.as_ref().map(ToString::to_string).unwrap_or_default();
        let text = match &self.0 {
            Start::Email(after) => format!("e{}", after.as_deref().unwrap_or_default()),
            Start::Username(after) => format!("u{}", after.as_deref().unwrap_or_default()),
            Start::Newest(below) => format!("n{}", position(below)),
            Start::LastLogin(below) => format!("l{}", position(below)),
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
        let after = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
        let start = match text.split_at_checked(1) {
            Some(("e", email)) => Start::Email(after(email)),
            Some(("u", username)) => Start::Username(after(username)),
            Some(("n", position)) => Start::Newest(Some(position.parse()?)),
            Some(("l", position)) => Start::LastLogin(Some(position.parse()?)),
            _ => return Err(InvalidCursor),
        };
        Ok(Self(start))
    }
}
