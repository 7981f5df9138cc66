//! What an operator does with signing keys by hand. The servers notice within ten seconds.

use chrono::{DateTime, Utc};

use crate::domain::audit;
use crate::domain::keys::key_pairs::{KeyError, KeyPairs};
use crate::domain::keys::schedule::{KeySchedule, Stage, is_full, is_live, is_needed, stage};
use crate::model::{ClientInfo, EventType, Revocation};
use crate::store::signing_keys::{self, StoredKey};
use crate::store::{Database, StoreError};

/// A key, and what it is for at present.
#[derive(Clone, Debug)]
pub struct KeyInUse {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// As in a JWS header.
    pub algorithm: String,
    /// What it is for.
    pub role: Role,
    /// When it was made, and from then on published.
    pub created_at: DateTime<Utc>,
    /// When it begins or began to sign.
    pub active_from: DateTime<Utc>,
    /// Actor then every token that it signed is dead.
    pub needed_until: Option<DateTime<Utc>>,
    /// Names the secret that seals its private half.
    pub encryption_key_id: String,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Published; signs later.
    Next,
    /// The newest of its algorithm.
    Signing,
    /// Tokens that it signed are still about.
    Verifying,
    /// All tokens that it signed are dead; out of the set, and soon purged.
    Spent,
    /// Taken out of use.
    Retired,
}

/// Why it was not done, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The keys are in no state for it.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A typing error, most likely.
    #[error("there is no signing key {0}")]
    NoSuchKey(String),
    /// Whoever asks twice may not have seen the first answer.
    #[error("signing key {0} is retired already")]
    AlreadyRetired(String),
    /// A second one would only crowd the set, which everybody fetches.
    #[error("the next key, {kid}, is published already and signs from {}", active_from.format("%Y-%m-%dT%H:%M:%SZ"))]
    NextIsThere {
        /// Its name.
        kid: String,
        /// From then on it signs.
        active_from: DateTime<Utc>,
    },
    /// A typing error, or the settings of another server.
    #[error("no key of {0} is in use: set JWT_ACCESS_ALGORITHM as the servers have it")]
    OtherAlgorithm(String),
    /// Whoever fetches a set refuses one with more than 64.
    #[error("the set is full: wait until some of its keys have gone, or retire some")]
    Full,
    /// It was sealed by a secret that was not given.
    #[error(
        "{rewrapped} key(s) are sealed anew, but not {kid}, which is sealed by a secret that is not known here: name it in \
         KEY_ENCRYPTION_SECRET_PREVIOUS, or retire the key"
    )]
    CannotOpen {
        /// The first of them.
        kid: String,
        /// How many others there were.
        rewrapped: usize,
    },
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Keys(error.into())
    }
}

/// All keys, newest first.
///
/// # Errors
/// The database failed.
pub async fn list(database: &Database, now: DateTime<Utc>) -> Result<Vec<KeyInUse>, StoreError> {
    let stored = database.run(signing_keys::all).await?;
    let is_newest = |key: &StoredKey| {
        let mut newer = stored.iter().filter(|other| other.ordinal > key.ordinal);
        !newer.any(|other| other.algorithm == key.algorithm && stage(other, now) == Stage::Active)
    };
    let in_use = |key: &StoredKey| KeyInUse {
        kid: key.kid.clone(),
        algorithm: key.algorithm.clone(),
        role: match stage(key, now) {
            Stage::Next => Role::Next,
            Stage::Active if !is_needed(key, now) => Role::Spent,
            Stage::Active if is_newest(key) => Role::Signing,
            Stage::Active => Role::Verifying,
            Stage::Retired => Role::Retired,
        },
        created_at: key.created_at.and_utc(),
        active_from: key.active_from.and_utc(),
        needed_until: key.needed_until.map(|until| until.and_utc()),
        encryption_key_id: key.encryption_key_id.clone(),
    };
    Ok(stored.iter().rev().map(in_use).collect())
}

/// Makes the next key before its time. It is published first, and signs when all can know it.
///
/// # Errors
/// See [`Refusal`].
pub async fn rotate(pairs: &KeyPairs, database: &Database, now: DateTime<Utc>) -> Result<StoredKey, Refusal> {
    let stored = database.run(signing_keys::all).await?;
    let schedule = pairs.schedule();
    let live: Vec<&StoredKey> = stored.iter().filter(|key| is_live(key)).collect();
    if !live.is_empty() && !live.iter().any(|key| pairs.open(key).is_ok()) {
        return Err(KeyError::Sealed.into());
    }
    if !live.is_empty() && !live.iter().any(|key| schedule.is_own(key)) {
        return Err(Refusal::OtherAlgorithm(schedule.algorithm.to_string()));
    }
    if is_full(&stored, now) {
        return Err(Refusal::Full);
    }
    if let Some(next) = schedule.newest(&stored, now).filter(|key| stage(key, now) == Stage::Next) {
        let (kid, active_from) = (next.kid.clone(), next.active_from.and_utc());
        return Err(Refusal::NextIsThere { kid, active_from });
    }
    let made = pairs.make(database, &stored, KeySchedule::by_hand(now), now, ClientInfo::operator()).await?;
    made.ok_or(Refusal::Keys(KeyError::Conflict))
}

/// Takes a key out of use at once, with every token that it signed. Nothing else is needed for that, no secret either: the
/// servers find another key to sign with, or make one.
///
/// # Errors
/// See [`Refusal`].
pub async fn retire(database: &Database, kid: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
    let name = kid.to_owned();
    let by = ClientInfo::operator();
    let retired = audit::transaction(database, now, &by, move |connection, audit| {
        let retired = signing_keys::retire(connection, &name, now.naive_utc())?;
        if retired {
            audit.record(audit.event(EventType::KeyRetired).with("kid", name.as_str()));
            audit.revoke(Revocation::Key(name));
        }
        Ok::<_, StoreError>(retired)
    });
    if retired.await?.value {
        return Ok(());
    }
    let stored = database.run(signing_keys::all).await?;
    let is_there = stored.iter().any(|key| key.kid == kid);
    let kid = kid.to_owned();
    Err(if is_there { Refusal::AlreadyRetired(kid) } else { Refusal::NoSuchKey(kid) })
}

/// How many of the keys that are of use can be opened, and the names of those that cannot.
///
/// # Errors
/// The database failed.
pub async fn openable(
    pairs: &KeyPairs,
    database: &Database,
    now: DateTime<Utc>,
) -> Result<(usize, Vec<String>), StoreError> {
    let stored = database.run(signing_keys::all).await?;
    let needed = stored.into_iter().filter(|key| is_live(key) && is_needed(key, now));
    let (open, closed): (Vec<_>, Vec<_>) = needed.partition(|key| pairs.open(key).is_ok());
    Ok((open.len(), closed.into_iter().map(|key| key.kid).collect()))
}

/// Seals every private half that is still of use with the secret in use. Returns how many were sealed with the one before.
///
/// # Errors
/// See [`Refusal`]; a key that cannot be opened keeps none of the others from it.
pub async fn rewrap(pairs: &KeyPairs, database: &Database) -> Result<usize, Refusal> {
    let stored = database.run(signing_keys::all).await?;
    let (mut rewrapped, mut closed) = (0, None);
    for key in stored.into_iter().filter(|key| is_live(key) && !pairs.encryption().is_current(key)) {
        let Ok(pkcs8) = pairs.encryption().open(&key) else {
            closed = closed.or(Some(key.kid));
            continue;
        };
        let (private_key, encryption_key_id) =
            pairs.encryption().seal(&key.kid, &pkcs8).map_err(KeyError::from)?;
        let new = StoredKey { private_key, encryption_key_id, ..key.clone() };
        let changed =
            database.transaction(move |connection| signing_keys::reencrypt(connection, &key, &new)).await?;
        rewrapped += usize::from(changed);
    }
    closed.map_or(Ok(rewrapped), |kid| Err(Refusal::CannotOpen { kid, rewrapped }))
}
