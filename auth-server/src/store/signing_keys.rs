//! The table `signing_keys`.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::store::schema::signing_keys;
use crate::store::{AnyConnection, StoreError};

/// A key pair with an encrypted private key.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys)]
pub struct StoredKey {
    /// Position in the order of creation. Unique: if several servers create the next key, one succeeds.
    pub ordinal: i32,
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// The JWS `alg`.
    pub algorithm: String,
    pub public_jwk: String,
    /// Nonce, ciphertext and tag.
    pub private_key: Vec<u8>,
    /// Identifies the secret that encrypted `private_key`.
    pub encryption_key_id: String,
    /// The key is published from this time on.
    pub created_at: NaiveDateTime,
    /// The key signs from this time on. All caches have it by then.
    pub active_from: NaiveDateTime,
    /// All tokens that it signed have expired by this time. `None` for keys from older versions.
    pub needed_until: Option<NaiveDateTime>,
    /// The key and all tokens that it signed are invalid from this time on.
    pub retired_at: Option<NaiveDateTime>,
}

/// All keys, oldest first.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<StoredKey>, StoreError> {
    Ok(signing_keys::table.order(signing_keys::ordinal).select(StoredKey::as_select()).load(connection)?)
}

/// The oldest key, if there is one.
pub fn first_kid(connection: &mut AnyConnection) -> Result<Option<String>, StoreError> {
    let first = signing_keys::table.order(signing_keys::ordinal).select(signing_keys::kid);
    Ok(first.first(connection).optional()?)
}

/// Inserts a key. Fails with [`StoreError::Taken`] if another server was faster.
pub fn insert(connection: &mut AnyConnection, key: &StoredKey) -> Result<(), StoreError> {
    diesel::insert_into(signing_keys::table).values(key).execute(connection)?;
    Ok(())
}

/// Records that a key is needed at least until `until`. Returns `false` if the row has changed since it was read.
pub fn extend_needed_until(
    connection: &mut AnyConnection,
    kid: &str,
    until: NaiveDateTime,
) -> Result<bool, StoreError> {
    let is_sooner = signing_keys::needed_until.is_null().or(signing_keys::needed_until.lt(until));
    let row = signing_keys::table
        .filter(signing_keys::kid.eq(kid))
        .filter(signing_keys::retired_at.is_null())
        .filter(is_sooner);
    Ok(diesel::update(row).set(signing_keys::needed_until.eq(until)).execute(connection)? == 1)
}

/// The same for keys from older versions, which do not record it.
pub fn set_missing_needed_until(
    connection: &mut AnyConnection,
    until: NaiveDateTime,
) -> Result<usize, StoreError> {
    let rows = signing_keys::table.filter(signing_keys::needed_until.is_null());
    Ok(diesel::update(rows).set(signing_keys::needed_until.eq(until)).execute(connection)?)
}

/// Returns `false` if there is no such key, or if it is already retired.
pub fn retire(connection: &mut AnyConnection, kid: &str, now: NaiveDateTime) -> Result<bool, StoreError> {
    let row =
        signing_keys::table.filter(signing_keys::kid.eq(kid)).filter(signing_keys::retired_at.is_null());
    Ok(diesel::update(row).set(signing_keys::retired_at.eq(now)).execute(connection)? == 1)
}

/// Replaces the encrypted private key, unless another process has done so since it was read.
pub fn reencrypt(
    connection: &mut AnyConnection,
    read: &StoredKey,
    new: &StoredKey,
) -> Result<bool, StoreError> {
    let row = signing_keys::table
        .filter(signing_keys::kid.eq(&read.kid))
        .filter(signing_keys::encryption_key_id.eq(&read.encryption_key_id));
    let changes = (
        signing_keys::private_key.eq(&new.private_key),
        signing_keys::encryption_key_id.eq(&new.encryption_key_id),
    );
    Ok(diesel::update(row).set(changes).execute(connection)? == 1)
}

/// Deletes keys that were needed until a time before `now`.
pub fn purge(connection: &mut AnyConnection, now: NaiveDateTime) -> Result<usize, StoreError> {
    let rows = signing_keys::table.filter(signing_keys::needed_until.lt(now));
    Ok(diesel::delete(rows).execute(connection)?)
}
