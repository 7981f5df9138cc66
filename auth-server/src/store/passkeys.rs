//! The table `passkeys`: passkeys and security keys.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::model::UserId;
use crate::store::connection::on_backend;
use crate::store::schema::passkeys;
use crate::store::{AnyConnection, StoreError};

#[expect(clippy::struct_excessive_bools, reason = "the columns of the table")]
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = passkeys)]
pub struct Passkey {
    pub id: String,
    pub user_id: String,
    pub credential_id: Vec<u8>,
    /// COSE key, as the authenticator sent it.
    pub public_key: Vec<u8>,
    pub algorithm: i32,
    pub sign_count: i64,
    pub user_verified: bool,
    /// Whether it can be synchronised between devices.
    pub backup_eligible: bool,
    pub backed_up: bool,
    /// Whether it can replace the password.
    pub discoverable: bool,
    /// JSON array.
    pub transports: String,
    pub aaguid: Vec<u8>,
    /// Chosen by the user.
    pub name: String,
    pub created_at: NaiveDateTime,
    pub last_used_at: Option<NaiveDateTime>,
}

/// Returns `false` if the credential is registered already.
pub fn insert(connection: &mut AnyConnection, passkey: &Passkey) -> Result<bool, StoreError> {
    let insert = diesel::insert_into(passkeys::table).values(passkey).on_conflict_do_nothing();
    Ok(on_backend!(connection, |connection| insert.execute(connection))? == 1)
}

/// All of a user, oldest first.
pub fn of_user(connection: &mut AnyConnection, user: UserId) -> Result<Vec<Passkey>, StoreError> {
    let rows = passkeys::table.filter(passkeys::user_id.eq(user.to_string()));
    Ok(rows.order((passkeys::created_at, passkeys::id)).select(Passkey::as_select()).load(connection)?)
}

pub fn by_credential(connection: &mut AnyConnection, id: &[u8]) -> Result<Option<Passkey>, StoreError> {
    let row = passkeys::table.filter(passkeys::credential_id.eq(id));
    Ok(on_backend!(connection, |connection| row.select(Passkey::as_select()).first(connection)).optional()?)
}

/// Stores what a use changed.
pub fn record_use(
    connection: &mut AnyConnection,
    id: &str,
    sign_count: u32,
    backed_up: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let update = diesel::update(passkeys::table.find(id)).set((
        passkeys::sign_count.eq(i64::from(sign_count)),
        passkeys::backed_up.eq(backed_up),
        passkeys::last_used_at.eq(now.naive_utc()),
    ));
    on_backend!(connection, |connection| update.execute(connection))?;
    Ok(())
}

/// Returns `false` if the user has no such passkey.
pub fn rename(
    connection: &mut AnyConnection,
    user: UserId,
    id: &str,
    name: &str,
) -> Result<bool, StoreError> {
    let row = passkeys::table.find(id).filter(passkeys::user_id.eq(user.to_string()));
    Ok(diesel::update(row).set(passkeys::name.eq(name)).execute(connection)? == 1)
}

/// Returns `false` if the user has no such passkey.
pub fn delete(connection: &mut AnyConnection, user: UserId, id: &str) -> Result<bool, StoreError> {
    let row = passkeys::table.find(id).filter(passkeys::user_id.eq(user.to_string()));
    Ok(diesel::delete(row).execute(connection)? == 1)
}

pub fn delete_of_user(connection: &mut AnyConnection, user: UserId) -> Result<(), StoreError> {
    diesel::delete(passkeys::table.filter(passkeys::user_id.eq(user.to_string()))).execute(connection)?;
    Ok(())
}
