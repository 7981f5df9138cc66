//! The key pairs in the database: created, selected, decrypted. All servers do the same work; no server leads.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shared_claims::thumbprint;
use tokio::task::spawn_blocking;

use crate::domain::keys::encryption::{CannotDecrypt, KeyEncryption};
use crate::domain::keys::schedule::{KeySchedule, is_live, is_published};
use crate::domain::keys::signer::{Signer, UnusableKey, generate};
use crate::domain::operation::{NotAdministrator, Operation};
use crate::model::EventType;
use crate::store::signing_keys::{self, StoredKey};
use crate::store::{StoreError, Taken};

/// Other servers can change the keys during an attempt; after this many in a row something else is wrong.
const ATTEMPTS: usize = 10;
/// Keys made by an older version have no `needed_until`. They get this time: a rolling upgrade should be complete by then.
const UNKNOWN_NEED: TimeDelta = TimeDelta::days(1);

/// Key pairs, by the settings of one server.
#[derive(Clone)]
pub struct KeyPairs {
    encryption: Arc<KeyEncryption>,
    schedule: KeySchedule,
}

/// The keys in the database.
pub struct LoadedKeys {
    /// Every key, oldest first.
    pub stored: Vec<StoredKey>,
    /// The key to sign with, or why there is none.
    pub signing: Result<StoredKey, KeyError>,
    /// Names of keys in use that are damaged or cannot be decrypted.
    pub unusable: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    NotAdministrator(#[from] NotAdministrator),
    /// The secret is wrong. No new key is made: it would hide the mistake until the old keys are needed.
    #[error(
        "KEY_ENCRYPTION_SECRET does not decrypt the signing keys in the database: set the secret that encrypted them, \
         here or as KEY_ENCRYPTION_SECRET_PREVIOUS"
    )]
    WrongSecret,
    /// The row was changed outside of this program, or encrypted with another secret.
    #[error(
        "signing key {0} is damaged or encrypted with another secret: `auth-server keys retire` takes it out of use"
    )]
    Damaged(String),
    #[error(transparent)]
    Unusable(#[from] UnusableKey),
    #[error("concurrent updates of the signing keys, giving up after {ATTEMPTS} attempts")]
    Conflict,
}

impl KeyPairs {
    pub fn new(encryption: KeyEncryption, schedule: KeySchedule) -> Self {
        Self { encryption: Arc::new(encryption), schedule }
    }

    /// Loads the keys. Creates the next key if it is due, and extends `needed_until` of the signing key. If several servers
    /// create the same key, one succeeds. The key named `held` is in memory already and need not be decrypted.
    ///
    /// # Errors
    /// See [`KeyError`]. If only the signing key is unusable, the other keys are returned.
    pub async fn load(&self, operation: &Operation<'_>, held: Option<&str>) -> Result<LoadedKeys, KeyError> {
        let (database, now) = (operation.database, operation.now);
        for _ in 0..ATTEMPTS {
            let stored = database.run(signing_keys::all).await?;
            if stored.iter().any(|key| key.needed_until.is_none()) {
                // Before this server writes its own need, which may be shorter.
                let until = (now + UNKNOWN_NEED).naive_utc();
                database
                    .transaction(move |connection| signing_keys::set_missing_needed_until(connection, until))
                    .await?;
                continue;
            }
            let (usable, unusable): (Vec<&StoredKey>, Vec<&StoredKey>) = stored
                .iter()
                .filter(|key| is_live(key))
                .partition(|key| held == Some(key.kid.as_str()) || self.signer(key).is_ok());
            let unusable: Vec<String> = unusable.iter().map(|key| key.kid.clone()).collect();
            if usable.is_empty() && !unusable.is_empty() {
                return Ok(LoadedKeys { stored, signing: Err(KeyError::WrongSecret), unusable });
            }
            if let Some(active_from) = self.schedule.due(&stored, now) {
                self.create(operation, &stored, active_from).await?;
                continue;
            }
            let signing = self.schedule.signing(&usable, now).ok_or(KeyError::WrongSecret)?.clone();
            if self.schedule.is_needed_for_long(&signing, now)
                || self.extend_need(operation, &signing).await?
            {
                return Ok(LoadedKeys { stored, signing: Ok(signing), unusable });
            }
        }
        Err(KeyError::Conflict)
    }

    /// Creates the key after those in `stored`. Returns `None` if another server created it first.
    pub async fn create(
        &self,
        operation: &Operation<'_>,
        stored: &[StoredKey],
        active_from: DateTime<Utc>,
    ) -> Result<Option<StoredKey>, KeyError> {
        let ordinal = stored.last().map_or(1, |key| key.ordinal + 1);
        let (pairs, now) = (self.clone(), operation.now);
        // An RSA key takes a second or more.
        let generated = spawn_blocking(move || pairs.generate(ordinal, active_from, now));
        let key = generated.await.map_err(|_| StoreError::Cancelled)??;
        let row = key.clone();
        let inserted = operation.transaction(move |tx| {
            tx.check_administrator::<KeyError>()?;
            signing_keys::insert(tx.connection, &row)?;
            let event = tx.audit.event(EventType::KeyMade).with("kid", row.kid.as_str());
            let event = event.with("algorithm", row.algorithm.as_str());
            tx.audit.record(event.with("active_from", format!("{active_from:?}")));
            Ok(())
        });
        match inserted.await {
            Ok(()) => Ok(Some(key)),
            Err(KeyError::Store(StoreError::Taken(Taken::Other))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn signer(&self, key: &StoredKey) -> Result<Signer, KeyError> {
        let damaged = || KeyError::Damaged(key.kid.clone());
        let algorithm = key.algorithm.parse().map_err(|_| damaged())?;
        let pkcs8 = self.decrypt(key).map_err(|CannotDecrypt| damaged())?;
        let signer = Signer::from_pkcs8(algorithm, &pkcs8).map_err(|UnusableKey| damaged())?;
        // The published public key must belong to the private key.
        let is_pair = public_jwk(key).is_some()
            && signer.public_jwk().and_then(|jwk| thumbprint(&jwk)) == Some(key.kid.clone());
        if is_pair { Ok(signer) } else { Err(damaged()) }
    }

    pub fn schedule(&self) -> &KeySchedule {
        &self.schedule
    }

    /// The private key as PKCS#8.
    pub fn decrypt(&self, key: &StoredKey) -> Result<Vec<u8>, CannotDecrypt> {
        self.encryption.decrypt(&key.kid, &key.private_key, &key.encryption_key_id)
    }

    pub fn encryption(&self) -> &KeyEncryption {
        &self.encryption
    }

    async fn extend_need(&self, operation: &Operation<'_>, key: &StoredKey) -> Result<bool, StoreError> {
        let (kid, until) = (key.kid.clone(), self.schedule.needed_until(operation.now).naive_utc());
        operation
            .database
            .transaction(move |connection| signing_keys::extend_needed_until(connection, &kid, until))
            .await
    }

    fn generate(
        &self,
        ordinal: i32,
        active_from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<StoredKey, UnusableKey> {
        let algorithm = self.schedule.algorithm;
        let pkcs8 = generate(algorithm)?;
        let mut jwk = Signer::from_pkcs8(algorithm, &pkcs8)?.public_jwk().ok_or(UnusableKey)?;
        let kid = thumbprint(&jwk).ok_or(UnusableKey)?;
        jwk["kid"] = json!(kid);
        let encrypted = self.encryption.encrypt(&kid, &pkcs8)?;
        Ok(StoredKey {
            ordinal,
            algorithm: algorithm.as_str().to_owned(),
            public_jwk: jwk.to_string(),
            private_key: encrypted.bytes,
            encryption_key_id: encrypted.key_id,
            created_at: now.naive_utc(),
            active_from: active_from.naive_utc(),
            needed_until: Some(self.schedule.needed_until(active_from).naive_utc()),
            retired_at: None,
            kid,
        })
    }
}

impl LoadedKeys {
    /// The published set, oldest first: keys that a server signs or will sign with, or whose tokens have not all expired.
    pub fn published(&self, now: DateTime<Utc>) -> impl Iterator<Item = Value> {
        let signing = self.signing.as_ref().ok().map(|key| key.kid.as_str());
        let belongs = move |key: &&StoredKey| is_published(key, now) || signing == Some(key.kid.as_str());
        self.stored.iter().filter(belongs).filter_map(public_jwk)
    }
}

/// The public key, unless it is damaged.
fn public_jwk(key: &StoredKey) -> Option<Value> {
    let jwk: Value = serde_json::from_str(&key.public_jwk).ok()?;
    (thumbprint(&jwk).as_ref() == Some(&key.kid)).then_some(jwk)
}
