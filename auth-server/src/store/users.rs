//! The table `users`.

mod search;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use secrecy::ExposeSecret;

use crate::model::{DisplayName, Email, ImpossibleValue, PasswordHash, Role, User, UserId, Username};
use crate::store::schema::users;
use crate::store::{AnyConnection, StoreError};

pub use search::{Range, in_order_of_email, in_order_of_username};

/// Writes a new person.
///
/// # Errors
/// [`StoreError::Taken`] where e-mail or username belong to somebody already.
pub fn insert(connection: &mut AnyConnection, user: &User) -> Result<(), StoreError> {
    diesel::insert_into(users::table).values(Row::from(user)).execute(connection)?;
    Ok(())
}

/// Writes many new people with as few statements as the database allows.
///
/// # Errors
/// [`StoreError::Taken`] where an e-mail address, a username or an id belongs to somebody already.
pub fn insert_many(connection: &mut AnyConnection, people: &[&User]) -> Result<(), StoreError> {
    let rows: Vec<Row> = people.iter().map(|user| Row::from(*user)).collect();
    let insert = diesel::insert_into(users::table).values(&rows);
    match connection {
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(connection) => insert.execute(connection)?,
        AnyConnection::Sqlite(connection) => insert.execute(connection)?,
    };
    Ok(())
}

/// Who has what must be unique.
pub struct Holder {
    /// Theirs.
    pub id: UserId,
    /// Theirs.
    pub email: String,
    /// Theirs, if they have one.
    pub username: Option<String>,
}

/// Everybody who has one of these e-mail addresses, usernames or ids.
///
/// # Errors
/// The database failed.
pub fn holders(
    connection: &mut AnyConnection,
    emails: Vec<&str>,
    usernames: Vec<&str>,
    ids: &[UserId],
) -> Result<Vec<Holder>, StoreError> {
    let ids: Vec<String> = ids.iter().map(UserId::to_string).collect();
    let any = users::email
        .eq_any(emails)
        .or(users::id.eq_any(ids))
        .or(users::username.eq_any(usernames).assume_not_null());
    let rows: Vec<(String, String, Option<String>)> =
        users::table.filter(any).select((users::id, users::email, users::username)).load(connection)?;
    let holder = |(id, email, username): (String, _, _)| {
        let id = id.parse().map_err(|_| ImpossibleValue { column: "users.id" })?;
        Ok(Holder { id, email, username })
    };
    rows.into_iter().map(holder).collect()
}

/// Whether there is anybody at all.
///
/// # Errors
/// The database failed.
pub fn any(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let first: Option<String> = users::table.select(users::id).limit(1).first(connection).optional()?;
    Ok(first.is_some())
}

/// Whoever has this id.
///
/// # Errors
/// The database failed.
pub fn by_id(connection: &mut AnyConnection, id: UserId) -> Result<Option<User>, StoreError> {
    one(users::table.filter(users::id.eq(id.to_string())).select(Row::as_select()).first(connection))
}

/// Locks the person's row until the end of the transaction; `false` where there is none.
///
/// # Errors
/// The database failed.
pub fn hold(connection: &mut AnyConnection, id: UserId) -> Result<bool, StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()));
    Ok(diesel::update(row).set(users::version.eq(users::version)).execute(connection)? == 1)
}

/// Whoever has this e-mail address.
///
/// # Errors
/// The database failed.
pub fn by_email(connection: &mut AnyConnection, email: &Email) -> Result<Option<User>, StoreError> {
    one(users::table.filter(users::email.eq(email.as_str())).select(Row::as_select()).first(connection))
}

/// Whoever has this username.
///
/// # Errors
/// The database failed.
pub fn by_username(connection: &mut AnyConnection, username: &Username) -> Result<Option<User>, StoreError> {
    one(users::table.filter(users::username.eq(username.as_str())).select(Row::as_select()).first(connection))
}

/// Notes a login, if the person is still as the password check read them: same `version`, not disabled.
///
/// Comes before the session's insert in the same transaction. The row lock that it takes is what keeps a login
/// from slipping past a change of password: whichever of the two commits second sees the other.
///
/// # Errors
/// The database failed.
pub fn note_login(
    connection: &mut AnyConnection,
    id: UserId,
    version: u64,
    rehashed: Option<&PasswordHash>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let same = users::table.filter(
        users::id
            .eq(id.to_string())
            .and(users::version.eq(signed(version)))
            .and(users::disabled_at.is_null()),
    );
    let changes = (
        users::last_login_at.eq(now.naive_utc()),
        rehashed.map(|hash| users::password_hash.eq(hash.0.expose_secret().to_owned())),
    );
    Ok(diesel::update(same).set(changes).execute(connection)? == 1)
}

/// Makes every access token of the person stale, and every login that is under way void. Returns the new version; none where
/// there is no such person any more.
///
/// # Errors
/// The database failed.
pub fn bump_version(connection: &mut AnyConnection, id: UserId) -> Result<Option<u64>, StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()));
    let bumped = diesel::update(row).set(users::version.eq(users::version + 1)).returning(users::version);
    Ok(bumped.get_result::<i64>(connection).optional()?.map(i64::unsigned_abs))
}

/// Gives the person another password.
///
/// # Errors
/// The database failed.
pub fn set_password(
    connection: &mut AnyConnection,
    id: UserId,
    hash: &PasswordHash,
) -> Result<(), StoreError> {
    let row = users::table.filter(users::id.eq(id.to_string()));
    diesel::update(row).set(users::password_hash.eq(hash.0.expose_secret())).execute(connection)?;
    Ok(())
}

/// Removes the person, with their sessions and places.
///
/// # Errors
/// The database failed.
pub fn delete(connection: &mut AnyConnection, id: UserId) -> Result<(), StoreError> {
    diesel::delete(users::table.filter(users::id.eq(id.to_string()))).execute(connection)?;
    Ok(())
}

/// Gives the person other roles and claims, and enables or disables them.
///
/// # Errors
/// The database failed.
pub fn set_access(connection: &mut AnyConnection, user: &User) -> Result<(), StoreError> {
    let row = Row::from(user);
    let changes =
        (users::roles.eq(row.roles), users::claims.eq(row.claims), users::disabled_at.eq(row.disabled_at));
    diesel::update(users::table.filter(users::id.eq(row.id))).set(changes).execute(connection)?;
    Ok(())
}

/// Whether there is an enabled administrator.
///
/// # Errors
/// The database failed.
pub fn any_administrator(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    // Word for word the expression of an index: an administrator is found at once among a million people.
    let administrators = sql::<Bool>(r#"roles LIKE '%"admin"%'"#);
    let enabled = users::table.filter(administrators).filter(users::disabled_at.is_null());
    let first: Option<String> = enabled.select(users::id).limit(1).first(connection).optional()?;
    Ok(first.is_some())
}

/// Changes the names that are given; the others stay.
///
/// # Errors
/// [`StoreError::Taken`] where the username belongs to somebody already.
pub fn rename(
    connection: &mut AnyConnection,
    id: UserId,
    name: Option<&DisplayName>,
    username: Option<&Username>,
) -> Result<(), StoreError> {
    let changes = Names { name: name.map(DisplayName::as_str), username: username.map(Username::as_str) };
    if changes.name.is_some() || changes.username.is_some() {
        diesel::update(users::table.filter(users::id.eq(id.to_string()))).set(changes).execute(connection)?;
    }
    Ok(())
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct Names<'a> {
    name: Option<&'a str>,
    username: Option<&'a str>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
struct Row {
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
        })
    }
}

fn one(row: QueryResult<Row>) -> Result<Option<User>, StoreError> {
    Ok(row.optional()?.map(User::try_from).transpose()?)
}

/// A version counts changes of one person: it never comes near 2^63.
fn signed(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
