//! The table `users`.

mod deletion;
mod search;
mod second_factor;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use secrecy::ExposeSecret;

use crate::model::{DisplayName, Email, ImpossibleValue, Locale, PasswordHash, Role, User, UserId, Username};
use crate::store::connection::on_backend;
use crate::store::schema::users;
use crate::store::{AnyConnection, StoreError};

pub use deletion::{delete, first_deleted, lock_deleted, mark_deleted};
pub use search::{Filter, LastLogin, Limits, List, Start, Status, Total};
pub use second_factor::{FactorFailures, factor_failures, set_factor_failures, set_second_factor};

/// Fails with [`StoreError::Taken`] if another user has the e-mail address or username.
pub fn insert(connection: &mut AnyConnection, user: &User) -> Result<(), StoreError> {
    diesel::insert_into(users::table).values(Row::from(user)).execute(connection)?;
    Ok(())
}

/// Inserts many users with one statement, or none if one of their unique values is taken.
pub fn insert_many(connection: &mut AnyConnection, users: &[&User]) -> Result<(), StoreError> {
    let rows: Vec<Row> = users.iter().map(|user| Row::from(*user)).collect();
    let insert = diesel::insert_into(users::table).values(&rows);
    on_backend!(connection, |connection| insert.execute(connection))?;
    Ok(())
}

/// The columns of a user that are unique.
pub struct UniqueValues {
    pub id: UserId,
    pub email: String,
    pub username: Option<String>,
}

/// The unique values of all users that have one of these e-mail addresses, usernames or ids.
pub fn unique_values(
    connection: &mut AnyConnection,
    emails: Vec<&str>,
    usernames: Vec<&str>,
    ids: &[UserId],
) -> Result<Vec<UniqueValues>, StoreError> {
    let ids: Vec<String> = ids.iter().map(UserId::to_string).collect();
    let any = users::email
        .eq_any(emails)
        .or(users::id.eq_any(ids))
        .or(users::username.eq_any(usernames).assume_not_null());
    let rows: Vec<(String, String, Option<String>)> =
        users::table.filter(any).select((users::id, users::email, users::username)).load(connection)?;
    let parse = |(id, email, username): (String, _, _)| {
        let id = id.parse().map_err(|_| ImpossibleValue { column: "users.id" })?;
        Ok(UniqueValues { id, email, username })
    };
    rows.into_iter().map(parse).collect()
}

/// Up to `limit` e-mail addresses greater than `after` that contain characters outside of ASCII, in ascending order.
pub fn emails_outside_ascii(
    connection: &mut AnyConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<(UserId, String)>, StoreError> {
    let outside_ascii = sql::<Bool>("octet_length(email) <> length(email)");
    let query = users::table.filter(users::email.gt(after)).filter(outside_ascii);
    let rows: Vec<(String, String)> =
        query.select((users::id, users::email)).order(users::email).limit(limit).load(connection)?;
    let parse = |(id, email): (String, _)| {
        Ok((id.parse().map_err(|_| ImpossibleValue { column: "users.id" })?, email))
    };
    rows.into_iter().map(parse).collect()
}

/// Fails with [`StoreError::Taken`] if another user has the e-mail address.
pub fn set_email(connection: &mut AnyConnection, id: UserId, email: &Email) -> Result<(), StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()));
    diesel::update(row).set(users::email.eq(email.as_str())).execute(connection)?;
    Ok(())
}

/// The same for an address of another mailbox, with the time at which the user proved it, if so.
pub fn change_email(
    connection: &mut AnyConnection,
    id: UserId,
    email: &Email,
    verified_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    let changes =
        (users::email.eq(email.as_str()), users::email_verified_at.eq(verified_at.map(|at| at.naive_utc())));
    diesel::update(users::table.filter(users::id.eq(id.to_string()))).set(changes).execute(connection)?;
    Ok(())
}

/// Whether there is any user.
pub fn any(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let first: Option<String> = users::table.select(users::id).limit(1).first(connection).optional()?;
    Ok(first.is_some())
}

/// Whether there is an administrator, enabled or not, or a user from before this time.
pub fn any_administrator_or_earlier(
    connection: &mut AnyConnection,
    before: DateTime<Utc>,
) -> Result<bool, StoreError> {
    // Must equal the expression of the index `users_administrators`.
    let administrators = users::table.filter(sql::<Bool>(r#"roles LIKE '%"admin"%'"#));
    let earlier = users::table.filter(users::created_at.lt(before.naive_utc()));
    let first: Option<String> = administrators.select(users::id).limit(1).first(connection).optional()?;
    if first.is_some() {
        return Ok(true);
    }
    let first: Option<String> = earlier.select(users::id).limit(1).first(connection).optional()?;
    Ok(first.is_some())
}

pub fn by_id(connection: &mut AnyConnection, id: UserId) -> Result<Option<User>, StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()).and(users::deleted_at.is_null()));
    one(on_backend!(connection, |connection| row.select(Row::as_select()).first(connection)))
}

/// The users with these ids, in any order.
pub fn by_ids(connection: &mut AnyConnection, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
    let ids = ids.iter().map(UserId::to_string);
    let rows =
        users::table.filter(users::id.eq_any(ids.collect::<Vec<_>>())).filter(users::deleted_at.is_null());
    let rows: Vec<Row> = rows.select(Row::as_select()).load(connection)?;
    Ok(rows.into_iter().map(User::try_from).collect::<Result<_, _>>()?)
}

/// Locks the user's row until the end of the transaction. Returns `false` if there is no such user.
pub fn lock(connection: &mut AnyConnection, id: UserId) -> Result<bool, StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()).and(users::deleted_at.is_null()));
    let lock = diesel::update(row).set(users::version.eq(users::version));
    Ok(on_backend!(connection, |connection| lock.execute(connection))? == 1)
}

/// The same if the user still has this version, and is not disabled.
pub fn lock_version(connection: &mut AnyConnection, id: UserId, version: u64) -> Result<bool, StoreError> {
    let is_same = users::id.eq(id.to_string()).and(users::version.eq(signed(version)));
    let row = users::table.filter(is_same.and(users::disabled_at.is_null()).and(users::deleted_at.is_null()));
    let lock = diesel::update(row).set(users::version.eq(users::version));
    Ok(on_backend!(connection, |connection| lock.execute(connection))? == 1)
}

/// Records that the user proved their address, unless they had. Returns whether it was recorded.
pub fn set_email_verified(
    connection: &mut AnyConnection,
    id: UserId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()).and(users::email_verified_at.is_null()));
    let update = diesel::update(row).set(users::email_verified_at.eq(now.naive_utc()));
    Ok(update.execute(connection)? == 1)
}

pub fn by_email(connection: &mut AnyConnection, email: &Email) -> Result<Option<User>, StoreError> {
    let row = users::table.filter(users::email.eq(email.as_str()));
    one(on_backend!(connection, |connection| row.select(Row::as_select()).first(connection)))
}

pub fn by_username(connection: &mut AnyConnection, username: &Username) -> Result<Option<User>, StoreError> {
    one(users::table.filter(users::username.eq(username.as_str())).select(Row::as_select()).first(connection))
}

/// Records a login, if the user is unchanged since the password check: same `version`, not disabled.
///
/// Call this before the session's insert in the same transaction. It locks the user's row, so a concurrent change of
/// password either sees the new session or is seen here.
pub fn record_login(
    connection: &mut AnyConnection,
    id: UserId,
    version: u64,
    rehashed: Option<&PasswordHash>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let unchanged = users::table.filter(
        users::id
            .eq(id.to_string())
            .and(users::version.eq(signed(version)))
            .and(users::disabled_at.is_null()),
    );
    let changes = (
        users::last_login_at.eq(now.naive_utc()),
        rehashed.map(|hash| users::password_hash.eq(hash.0.expose_secret().to_owned())),
    );
    let update = diesel::update(unchanged).set(changes);
    Ok(on_backend!(connection, |connection| update.execute(connection))? == 1)
}

/// Invalidates all access tokens of the user and all logins in progress. Returns the new version, or `None` if there is no
/// such user.
pub fn bump_version(connection: &mut AnyConnection, id: UserId) -> Result<Option<u64>, StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()));
    let bumped = diesel::update(row).set(users::version.eq(users::version + 1)).returning(users::version);
    Ok(bumped.get_result::<i64>(connection).optional()?.map(i64::unsigned_abs))
}

/// Sets a password that the user chose.
pub fn set_password(
    connection: &mut AnyConnection,
    id: UserId,
    hash: &PasswordHash,
) -> Result<(), StoreError> {
    replace_password(connection, id, hash, None)
}

/// Sets a password that the user must replace until `expires_at`.
pub fn set_temporary_password(
    connection: &mut AnyConnection,
    id: UserId,
    hash: &PasswordHash,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    replace_password(connection, id, hash, Some(expires_at))
}

fn replace_password(
    connection: &mut AnyConnection,
    id: UserId,
    hash: &PasswordHash,
    expires_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    let changes = (
        users::password_hash.eq(hash.0.expose_secret()),
        users::temporary_password_expires_at.eq(expires_at.map(|at| at.naive_utc())),
    );
    diesel::update(users::table.filter(users::id.eq(id.to_string()))).set(changes).execute(connection)?;
    Ok(())
}

/// Stores roles, claims and `disabled_at`.
pub fn set_access(connection: &mut AnyConnection, user: &User) -> Result<(), StoreError> {
    let row = Row::from(user);
    let changes =
        (users::roles.eq(row.roles), users::claims.eq(row.claims), users::disabled_at.eq(row.disabled_at));
    diesel::update(users::table.filter(users::id.eq(row.id))).set(changes).execute(connection)?;
    Ok(())
}

pub fn any_enabled_administrator(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    // Must equal the expression of the index `users_administrators`.
    let administrators = sql::<Bool>(r#"roles LIKE '%"admin"%'"#);
    let enabled = users::table.filter(administrators).filter(users::disabled_at.is_null());
    let first: Option<String> = enabled.select(users::id).limit(1).first(connection).optional()?;
    Ok(first.is_some())
}

/// Changes the given values. Fails with [`StoreError::Taken`] if another user has the username.
pub fn set_profile(
    connection: &mut AnyConnection,
    id: UserId,
    name: Option<&DisplayName>,
    username: Option<&Username>,
    locale: Option<&Locale>,
) -> Result<(), StoreError> {
    let changes = Profile {
        name: name.map(DisplayName::as_str),
        username: username.map(Username::as_str),
        locale: locale.map(Locale::as_str),
    };
    if changes.name.is_some() || changes.username.is_some() || changes.locale.is_some() {
        diesel::update(users::table.filter(users::id.eq(id.to_string()))).set(changes).execute(connection)?;
    }
    Ok(())
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct Profile<'a> {
    name: Option<&'a str>,
    username: Option<&'a str>,
    locale: Option<&'a str>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
pub(super) struct Row {
    id: String,
    email: String,
    username: Option<String>,
    name: Option<String>,
    password_hash: String,
    roles: String,
    claims: String,
    version: i64,
    disabled_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
    last_login_at: Option<NaiveDateTime>,
    temporary_password_expires_at: Option<NaiveDateTime>,
    email_verified_at: Option<NaiveDateTime>,
    locale: Option<String>,
    second_factor: bool,
}

impl From<&User> for Row {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.as_str().to_owned(),
            username: user.username.as_ref().map(|name| name.as_str().to_owned()),
            name: user.name.as_ref().map(|name| name.as_str().to_owned()),
            password_hash: user.password_hash.0.expose_secret().to_owned(),
            roles: serde_json::json!(user.roles).to_string(),
            claims: serde_json::json!(user.claims).to_string(),
            version: signed(user.version),
            disabled_at: user.disabled_at.map(|at| at.naive_utc()),
            created_at: user.created_at.naive_utc(),
            last_login_at: user.last_login_at.map(|at| at.naive_utc()),
            temporary_password_expires_at: user.temporary_password_expires_at.map(|at| at.naive_utc()),
            email_verified_at: user.email_verified_at.map(|at| at.naive_utc()),
            locale: user.locale.as_ref().map(|locale| locale.as_str().to_owned()),
            second_factor: user.second_factor,
        }
    }
}

impl TryFrom<Row> for User {
    type Error = ImpossibleValue;

    fn try_from(row: Row) -> Result<Self, ImpossibleValue> {
        let roles: Vec<Role> =
            serde_json::from_str(&row.roles).map_err(|_| ImpossibleValue { column: "users.roles" })?;
        Ok(Self {
            id: row.id.parse().map_err(|_| ImpossibleValue { column: "users.id" })?,
            email: Email::from_stored(row.email),
            username: row.username.map(Username::from_stored),
            name: row.name.map(DisplayName::from_stored),
            password_hash: PasswordHash(row.password_hash.into()),
            roles,
            claims: serde_json::from_str(&row.claims)
                .map_err(|_| ImpossibleValue { column: "users.claims" })?,
            version: u64::try_from(row.version).map_err(|_| ImpossibleValue { column: "users.version" })?,
            disabled_at: row.disabled_at.map(|at| at.and_utc()),
            created_at: row.created_at.and_utc(),
            last_login_at: row.last_login_at.map(|at| at.and_utc()),
            temporary_password_expires_at: row.temporary_password_expires_at.map(|at| at.and_utc()),
            email_verified_at: row.email_verified_at.map(|at| at.and_utc()),
            locale: row.locale.map(Locale::from_stored),
            second_factor: row.second_factor,
        })
    }
}

fn one(row: QueryResult<Row>) -> Result<Option<User>, StoreError> {
    Ok(row.optional()?.map(User::try_from).transpose()?)
}

/// A version counts changes of one user, so it never reaches 2^63.
fn signed(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
