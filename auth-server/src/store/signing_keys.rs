//! The table `signing_keys`.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::store::schema::signing_keys;
use crate::store::{AnyConnection, StoreError};

/// A key pair as stored: the private half is sealed.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys)]
pub struct StoredKey {
    /// HashSlot in the order of keys; unique, so that of several servers that make one only one succeeds.
    pub ordinal: i32,
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// As in a JWS header.
    pub algorithm: String,
    /// The public half, as it is published.
    pub public_jwk: String,
    /// Nonce, ciphertext, tag.
    pub private_key: Vec<u8>,
    /// Which key-encryption key sealed it.
    pub encryption_key_id: String,
    /// When it was made, and from then on published.
    pub created_at: NaiveDateTime,
    /// When it may begin to sign: every cache has it by then.
    pub active_from: NaiveDateTime,
    /// Actor then every token that it signed is dead. Unknown for keys that an older version made.
    pub needed_until: Option<NaiveDateTime>,
    /// When somebody took it out of use, tokens that it signed included.
    pub retired_at: Option<NaiveDateTime>,
}

/// All keys, oldest first.
///
/// # Errors
/// The database failed.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<StoredKey>, StoreError> {
    Ok(signing_keys::table.order(signing_keys::ordinal).select(StoredKey::as_select()).load(connection)?)
}

/// Adds a key under its ordinal.
///
/// # Errors
/// [`StoreError::Taken`] where another server was faster.
pub fn insert(connection: &mut AnyConnection, key: &StoredKey) -> Result<(), StoreError> {
    diesel::insert_into(signing_keys::table).values(key).execute(connection)?;
    Ok(())
}

/// Says that a key is needed at least until then. `false` where the row has changed since it was read: another look tells.
///
/// # Errors
/// The database failed.
pub fn need(connection: &mut AnyConnection, kid: &str, until: NaiveDateTime) -> Result<bool, StoreError> {
    let sooner = signing_keys::needed_until.is_null().or(signing_keys::needed_until.lt(until));
    let row = signing_keys::table
        .filter(signing_keys::kid.eq(kid))
        .filter(signing_keys::retired_at.is_null())
        .filter(sooner);
    Ok(diesel::update(row).set(signing_keys::needed_until.eq(until)).execute(connection)? == 1)
}

/// The same for every key of which nobody knows: a version made it that does not say.
///
/// # Errors
/// The database failed.
pub fn need_unknown(connection: &mut AnyConnection, until: NaiveDateTime) -> Result<usize, StoreError> {
    let rows = signing_keys::table.filter(signing_keys::needed_until.is_null());
    Ok(diesel::update(rows).set(signing_keys::needed_until.eq(until)).execute(connection)?)
}

/// Takes a key out of use. `false` where there is none of that name, or it was out of use already.
///
/// # Errors
/// The database failed.
pub fn retire(connection: &mut AnyConnection, kid: &str, now: NaiveDateTime) -> Result<bool, StoreError> {
    let row =
        signing_keys::table.filter(signing_keys::kid.eq(kid)).filter(signing_keys::retired_at.is_null());
    Ok(diesel::update(row).set(signing_keys::retired_at.eq(now)).execute(connection)? == 1)
}

/// Replaces the sealed private half, if it is still sealed as it was when it was read.
///
/// # Errors
/// The database failed.
pub fn reseal(connection: &mut AnyConnection, read: &StoredKey, new: &StoredKey) -> Result<bool, StoreError> {
    let row = signing_keys::table
        .filter(signing_keys::kid.eq(&read.kid))
        .filter(signing_keys::encryption_key_id.eq(&read.encryption_key_id));
    let changes = (
        signing_keys::private_key.eq(&new.private_key),
        signing_keys::encryption_key_id.eq(&new.encryption_key_id),
    );
    Ok(diesel::update(row).set(changes).execute(connection)? == 1)
}

/// Removes the keys that nobody needs any more.
///
/// # Errors
/// The database failed.
pub fn purge(connection: &mut AnyConnection, now: NaiveDateTime) -> Result<usize, StoreError> {
    let rows = signing_keys::table.filter(signing_keys::needed_until.lt(now));
    Ok(diesel::delete(rows).execute(connection)?)
}
