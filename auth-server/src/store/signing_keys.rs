//! The table `signing_keys`.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::signing_keys;
use super::{AnyConnection, StoreError, Taken};

/// A key pair as stored: the private half is sealed.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys)]
pub struct StoredKey {
    /// Place in the order of keys; unique, so that of several servers that make one only one succeeds.
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
    /// When it was made.
    pub created_at: NaiveDateTime,
}

/// All keys, oldest first.
///
/// # Errors
/// The database failed.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<StoredKey>, StoreError> {
    Ok(signing_keys::table.order(signing_keys::ordinal).select(StoredKey::as_select()).load(connection)?)
}

/// Adds a key under its ordinal. `false` where another server was faster.
///
/// # Errors
/// The database failed.
pub fn insert(connection: &mut AnyConnection, key: &StoredKey) -> Result<bool, StoreError> {
    match diesel::insert_into(signing_keys::table).values(key).execute(connection).map_err(StoreError::from) {
        Ok(_) => Ok(true),
        Err(StoreError::Taken(Taken::Other)) => Ok(false),
        Err(error) => Err(error),
    }
}
