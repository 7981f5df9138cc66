use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::model::{ImpossibleValue, Role, UserId};
use crate::store::sql::Sql;
use crate::store::users::search::range::Range;
use crate::store::users::search::start::{LAST_LOGIN, NEVER, Start};
use crate::store::{AnyConnection, StoreError};

/// Different lists of roles that are compared with the role of a filter. With more, users are scanned instead.
const MAX_ROLE_LISTS: i64 = 200;

/// Which users to list. An absent condition matches every user.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub id: Option<UserId>,
    /// The beginning of the e-mail address or username. Empty: every user.
    pub prefix: String,
    pub role: Option<Role>,
    pub status: Option<Status>,
    pub last_login: Option<LastLogin>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not disabled.
    Active,
    Disabled,
    /// Whether disabled or not.
    Unverified,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastLogin {
    Never,
    Between {
        /// Inclusive.
        after: Option<DateTime<Utc>>,
        /// Exclusive.
        before: Option<DateTime<Utc>>,
    },
}

/// A condition that not every user meets.
#[derive(Clone, Debug)]
pub enum Condition {
    Id(UserId),
    Prefix(String),
    /// One of these lists of roles, as they are stored.
    RoleLists(Vec<String>),
    Role(Role),
    Status(Status),
    LastLogin(LastLogin),
}

impl Filter {
    pub fn conditions(&self, connection: &mut AnyConnection) -> Result<Vec<Condition>, StoreError> {
        let role = self.role.as_ref().map(|role| role_condition(connection, role)).transpose()?;
        let prefix = Some(&self.prefix).filter(|prefix| !prefix.is_empty());
        let all = [
            self.id.map(Condition::Id),
            role,
            self.status.map(Condition::Status),
            self.last_login.map(Condition::LastLogin),
            prefix.map(|prefix| Condition::Prefix(prefix.clone())),
        ];
        Ok(all.into_iter().flatten().collect())
    }

    /// Where to count users that match no selective condition. `None`: wherever another condition allows.
    pub fn starts_to_count(&self) -> Vec<Option<Start>> {
        if self.prefix.is_empty() {
            return vec![None];
        }
        vec![Some(Start::Email(None)), Some(Start::Username(None))]
    }
}

impl Condition {
    pub fn sql(&self) -> Sql {
        match self {
            Self::Id(id) => Sql::new("id = ").text(id.to_string()),
            Self::Prefix(prefix) => {
                let [email, username] =
                    ["email", "username"].map(|name| Range { name, prefix, after: None }.sql());
                Sql::new("(").append(email).sql(" OR ").append(username).sql(")")
            }
            // The second condition is that of the index.
            Self::RoleLists(lists) => match lists.split_first() {
                None => Sql::new("1 = 0"),
                Some((first, rest)) => {
                    let all = Sql::new("roles IN (").text(first);
                    let all = rest.iter().fold(all, |all, list| all.sql(", ").text(list));
                    all.sql(") AND roles <> '[]'")
                }
            },
            Self::Role(role) => {
                let pattern = format!("%\"{}\"%", role.as_str().replace('_', "\\_"));
                Sql::new("roles LIKE ").text(pattern).sql(" ESCAPE '\\'")
            }
            Self::Status(Status::Active) => Sql::new("disabled_at IS NULL"),
            Self::Status(Status::Disabled) => Sql::new("disabled_at IS NOT NULL"),
            Self::Status(Status::Unverified) => Sql::new("email_verified_at IS NULL"),
            Self::LastLogin(last_login) => last_login.sql(),
        }
    }

    /// Whether an index finds the users that meet it.
    pub fn is_indexed(&self) -> bool {
        !matches!(self, Self::Role(_) | Self::Status(Status::Active))
    }

    /// The order of that index, which keeps the database from reading the whole table instead.
    pub fn order(&self) -> Option<&'static str> {
        match self {
            Self::Status(Status::Disabled | Status::Unverified) => Some("id"),
            Self::LastLogin(_) => Some(Start::LastLogin(None).order()),
            Self::Id(_)
            | Self::Prefix(_)
            | Self::RoleLists(_)
            | Self::Role(_)
            | Self::Status(Status::Active) => None,
        }
    }

    /// Whether all rows in the bounds of `start` meet it.
    pub fn is_within(&self, start: &Start) -> bool {
        match self {
            Self::Prefix(_) => matches!(start, Start::Email(_) | Start::Username(_)),
            Self::LastLogin(_) => matches!(start, Start::LastLogin(_)),
            Self::Id(_) | Self::RoleLists(_) | Self::Role(_) | Self::Status(_) => false,
        }
    }
}

impl LastLogin {
    pub fn sql(self) -> Sql {
        let compared = |operator, at: DateTime<Utc>| Sql::new(LAST_LOGIN).sql(operator).time(at.naive_utc());
        let conditions = match self {
            Self::Never => [Some(compared(" = ", NEVER)), None],
            Self::Between { after, before } => [
                Some(match after.filter(|after| *after > NEVER) {
                    Some(after) => compared(" >= ", after),
                    None => compared(" > ", NEVER),
                }),
                before.map(|at| compared(" < ", at)),
            ],
        };
        Sql::all(conditions.into_iter().flatten())
    }
}

fn role_condition(connection: &mut AnyConnection, role: &Role) -> Result<Condition, StoreError> {
    let lists = role_lists(connection)?;
    if i64::try_from(lists.len()).is_ok_and(|count| count > MAX_ROLE_LISTS) {
        return Ok(Condition::Role(role.clone()));
    }
    let mut matching = Vec::new();
    for list in lists {
        let roles: Vec<Role> =
            serde_json::from_str(&list).map_err(|_| ImpossibleValue { column: "users.roles" })?;
        if roles.contains(role) {
            matching.push(list);
        }
    }
    Ok(Condition::RoleLists(matching))
}

/// The different lists of roles, as they are stored, and one more than [`MAX_ROLE_LISTS`]. Each is found in the index after the
/// one before it.
fn role_lists(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let lists = Sql::new(
        "WITH RECURSIVE lists (roles) AS (\
           SELECT MIN(roles) FROM users WHERE roles <> '[]' \
           UNION ALL \
           SELECT (SELECT MIN(users.roles) FROM users WHERE users.roles > lists.roles AND users.roles <> '[]') \
           FROM lists WHERE lists.roles IS NOT NULL\
         ) SELECT roles FROM lists WHERE roles IS NOT NULL LIMIT ",
    );
    Ok(lists.number(MAX_ROLE_LISTS + 1).returning::<Text>().load(connection)?)
}
