//! Signing keys at the command line and for administrators. The servers apply changes within ten seconds.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::keys::UnusableKey;
use crate::domain::keys::key_pairs::{KeyError, KeyPairs};
use crate::domain::keys::schedule::{KeySchedule, Stage, is_full, is_live, is_needed, stage};
use crate::domain::operation::Operation;
use crate::model::{Encrypted, EventType, Revocation};
use crate::store::signing_keys;
pub use crate::store::signing_keys::StoredKey;
use crate::store::{Database, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = KeyRole)]
pub enum Role {
    /// Published, will sign later.
    Next,
    /// The newest of its algorithm.
    Signing,
    /// Verifies tokens that have not expired.
    Verifying,
    /// All its tokens have expired. No longer published, purged soon.
    Spent,
    Retired,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyAdminError {
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error("there is no signing key {0}")]
    NoSuchKey(String),
    #[error("signing key {0} is already retired")]
    AlreadyRetired(String),
    /// A second one would only make the published set larger.
    #[error("the next key, {kid}, is already published and signs from {}", active_from.format("%Y-%m-%dT%H:%M:%SZ"))]
    NextExists { kid: String, active_from: DateTime<Utc> },
    /// The command has other settings than the servers.
    #[error("no {0} key is in use: set JWT_ACCESS_ALGORITHM to the value that the servers use")]
    OtherAlgorithm(String),
    /// Clients reject a set of more than 64 keys.
    #[error("the key set is full: wait until some of its keys have expired, or retire some")]
    Full,
    #[error(
        "re-encrypted {rewrapped} key(s), but not {kid}, which is encrypted with an unknown secret: set it as \
         KEY_ENCRYPTION_SECRET_PREVIOUS, or retire the key"
    )]
    CannotDecrypt { kid: String, rewrapped: usize },
}

impl From<StoreError> for KeyAdminError {
    fn from(error: StoreError) -> Self {
        Self::Keys(error.into())
    }
}

/// All keys with their current roles, newest first.
pub async fn list(database: &Database, now: DateTime<Utc>) -> Result<Vec<(StoredKey, Role)>, StoreError> {
    let stored = database.run(signing_keys::all).await?;
    let is_newest = |key: &StoredKey| {
        let mut newer = stored.iter().filter(|other| other.ordinal > key.ordinal);
        !newer.any(|other| other.algorithm == key.algorithm && stage(other, now) == Stage::Active)
    };
    let role = |key: &StoredKey| match stage(key, now) {
        Stage::Next => Role::Next,
        Stage::Active if !is_needed(key, now) => Role::Spent,
        Stage::Active if is_newest(key) => Role::Signing,
        Stage::Active => Role::Verifying,
        Stage::Retired => Role::Retired,
    };
    Ok(stored.iter().rev().map(|key| (key.clone(), role(key))).collect())
}

/// When another key starts to sign: one that is published already, or the one that the schedule creates.
pub fn next_rotation_at(keys: &[(StoredKey, Role)], schedule: &KeySchedule) -> Option<DateTime<Utc>> {
    let oldest = |wanted: Role| {
        let mut own = keys.iter().rev().filter(|(key, role)| *role == wanted && schedule.is_own(key));
        own.next().map(|(key, _)| key.active_from.and_utc())
    };
    oldest(Role::Next).or_else(|| oldest(Role::Signing).map(|since| since + schedule.rotation))
}

/// Creates the next key early. It is published first, and signs when all caches have it.
pub async fn rotate(operation: &Operation<'_>, pairs: &KeyPairs) -> Result<StoredKey, KeyAdminError> {
    let now = operation.now;
    let stored = operation.database.run(signing_keys::all).await?;
    let schedule = pairs.schedule();
    let live: Vec<&StoredKey> = stored.iter().filter(|key| is_live(key)).collect();
    if !live.is_empty() && !live.iter().any(|key| pairs.signer(key).is_ok()) {
        return Err(KeyError::WrongSecret.into());
    }
    if !live.is_empty() && !live.iter().any(|key| schedule.is_own(key)) {
        return Err(KeyAdminError::OtherAlgorithm(schedule.algorithm.to_string()));
    }
    if is_full(&stored, now) {
        return Err(KeyAdminError::Full);
    }
    if let Some(next) = schedule.newest(&stored, now).filter(|key| stage(key, now) == Stage::Next) {
        let (kid, active_from) = (next.kid.clone(), next.active_from.and_utc());
        return Err(KeyAdminError::NextExists { kid, active_from });
    }
    let created = pairs.create(operation, &stored, KeySchedule::by_hand(now)).await?;
    created.ok_or(KeyAdminError::Keys(KeyError::Conflict))
}

/// Takes a key out of use immediately, with every token that it signed. Requires no secret: the servers sign with another key,
/// or create one.
pub async fn retire(operation: &Operation<'_>, kid: &str) -> Result<(), KeyAdminError> {
    let stored = operation.database.run(signing_keys::all).await?;
    if !stored.iter().any(|key| key.kid == kid) {
        return Err(KeyAdminError::NoSuchKey(kid.to_owned()));
    }
    let name = kid.to_owned();
    let retire = operation.transaction(move |tx| {
        tx.check_administrator::<KeyError>()?;
        let retired = signing_keys::retire(tx.connection, &name, tx.now.naive_utc())?;
        if retired {
            tx.audit.record(tx.audit.event(EventType::KeyRetired).with("kid", name.as_str()));
            tx.audit.revoke(Revocation::Key(name));
        }
        Ok::<_, KeyError>(retired)
    });
    if retire.await? { Ok(()) } else { Err(KeyAdminError::AlreadyRetired(kid.to_owned())) }
}

/// How many of the keys in use can be decrypted, and the names of those that cannot.
pub async fn decryptable(
    database: &Database,
    pairs: &KeyPairs,
    now: DateTime<Utc>,
) -> Result<(usize, Vec<String>), StoreError> {
    let stored = database.run(signing_keys::all).await?;
    let needed = stored.into_iter().filter(|key| is_live(key) && is_needed(key, now));
    let (usable, unusable): (Vec<_>, Vec<_>) = needed.partition(|key| pairs.signer(key).is_ok());
    Ok((usable.len(), unusable.into_iter().map(|key| key.kid).collect()))
}

/// Re-encrypts every private key in use with the current secret. Returns how many were encrypted with the previous one.
///
/// # Errors
/// See [`KeyAdminError`]. A key that cannot be decrypted does not stop the others.
pub async fn rewrap(database: &Database, pairs: &KeyPairs) -> Result<usize, KeyAdminError> {
    let stored = database.run(signing_keys::all).await?;
    let (mut rewrapped, mut failed) = (0, None);
    for key in
        stored.into_iter().filter(|key| is_live(key) && key.encryption_key_id != pairs.encryption().key_id())
    {
        let Ok(pkcs8) = pairs.decrypt(&key) else {
            failed = failed.or(Some(key.kid));
            continue;
        };
        let Encrypted { bytes, key_id } = pairs
            .encryption()
            .encrypt(&key.kid, &pkcs8)
            .map_err(UnusableKey::from)
            .map_err(KeyError::from)?;
        let new = StoredKey { private_key: bytes, encryption_key_id: key_id, ..key.clone() };
        let changed =
            database.transaction(move |connection| signing_keys::reencrypt(connection, &key, &new)).await?;
        rewrapped += usize::from(changed);
    }
    failed.map_or(Ok(rewrapped), |kid| Err(KeyAdminError::CannotDecrypt { kid, rewrapped }))
}
