use chrono::{DateTime, Utc};

use crate::model::{Position, User, UserId};
use crate::store::sql::Sql;
use crate::store::users::search::conditions::{Filter, LastLogin};
use crate::store::users::search::range::{Range, end};

/// Must equal the expression of the index `users_by_login`.
pub const LAST_LOGIN: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00')";
/// The last login of a user who never logged in.
pub const NEVER: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// The order of a page, and the row after which it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// In the order of e-mail addresses: users whose address begins with the prefix.
    Email(Option<String>),
    /// In the order of usernames: users whose username alone begins with the prefix.
    Username(Option<String>),
    Newest(Option<Position<UserId>>),
    /// Last login first, users who never logged in at the end.
    LastLogin(Option<Position<UserId>>),
}

impl Start {
    pub fn order(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Username(_) => "username",
            Self::Newest(_) => "created_at DESC, id DESC",
            Self::LastLogin(_) => "COALESCE(last_login_at, '1970-01-01 00:00:00') DESC, id DESC",
        }
    }

    /// The same in the rows of a subquery. PostgreSQL recognizes a column that is sorted, but no expression.
    pub fn order_of_rows(&self) -> &'static str {
        match self {
            Self::LastLogin(_) => "last_login DESC, id DESC",
            Self::Email(_) | Self::Username(_) | Self::Newest(_) => self.order(),
        }
    }

    /// The part of the index that a page reads.
    pub fn bounds(&self, filter: &Filter) -> Sql {
        let prefix = &filter.prefix;
        match self {
            Self::Email(after) => Range { name: "email", prefix, after: after.as_deref() }.sql(),
            Self::Username(after) => Range { name: "username", prefix, after: after.as_deref() }.sql(),
            Self::Newest(below) => Sql::all(below.as_ref().map(|below| Sql::below("created_at", below))),
            Self::LastLogin(below) => {
                let below = below.as_ref().map(|below| Sql::below(LAST_LOGIN, below));
                Sql::all(below.into_iter().chain(filter.last_login.map(LastLogin::sql)))
            }
        }
    }

    /// Users in the bounds that another part of the list has: those whose e-mail address begins with the prefix, too.
    pub fn excluded(&self, filter: &Filter) -> Option<Sql> {
        let Self::Username(_) = self else { return None };
        let outside = Sql::new("(email < ").text(&filter.prefix);
        let outside = match end(&filter.prefix) {
            Some(end) => outside.sql(" OR email >= ").text(end),
            None => outside,
        };
        Some(outside.sql(")"))
    }

    /// The same order after this user. `None` if the user has no username to sort by.
    pub fn after(&self, user: &User) -> Option<Self> {
        let position = |at: DateTime<Utc>| Some(Position { at, id: user.id });
        match self {
            Self::Email(_) => Some(Self::Email(Some(user.email.as_str().to_owned()))),
            Self::Username(_) => {
                user.username.as_ref().map(|name| Self::Username(Some(name.as_str().to_owned())))
            }
            Self::Newest(_) => Some(Self::Newest(position(user.created_at))),
            Self::LastLogin(_) => Some(Self::LastLogin(position(user.last_login_at.unwrap_or(NEVER)))),
        }
    }
}
