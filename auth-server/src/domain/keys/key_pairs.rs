//! The key pairs in the database: made, chosen, opened. Every server looks after them, and none has a special part.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shared_claims::thumbprint;
use tokio::task::spawn_blocking;

use crate::domain::audit;
use crate::domain::keys::encryption::{CannotDecrypt, KeyEncryption};
use crate::domain::keys::schedule::{KeySchedule, is_live, is_published};
use crate::domain::keys::signer::{Signer, UnusableKey, generate};
use crate::model::{ClientInfo, EventType};
use crate::store::signing_keys::{self, StoredKey};
use crate::store::{Database, StoreError, Taken};

/// How often the rows may change between two looks at them before something else is wrong.
const ATTEMPTS: usize = 10;
/// How long a key is kept that a version made which does not say for how long it is needed: an upgrade, one server after
/// the other, should not take longer.
const UNKNOWN_NEED: TimeDelta = TimeDelta::days(1);

/// Key pairs, by the rules of one server.
#[derive(Clone)]
pub struct KeyPairs {
    encryption: Arc<KeyEncryption>,
    schedule: KeySchedule,
}

/// What a look at the database has found.
pub struct Found {
    /// Every key, oldest first.
    pub stored: Vec<StoredKey>,
    /// The one to sign with; or why there is none.
    pub signing: Result<StoredKey, KeyError>,
    /// The names of keys that would be used if they could: damaged, or sealed by a secret that is not known here.
    pub unusable: Vec<String>,
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A wrong secret. A new key would hide that until the old ones are needed.
    #[error(
        "KEY_ENCRYPTION_SECRET does not open the signing keys in the database: give the one that they were sealed with, \
         or name it in KEY_ENCRYPTION_SECRET_PREVIOUS"
    )]
    Sealed,
    /// A row that was changed outside of this program, or sealed by another secret.
    #[error(
        "signing key {0} is damaged or sealed by another secret: `auth-server keys retire` takes it out of the way"
    )]
    Damaged(String),
    /// The library could not make or read a key.
    #[error(transparent)]
    Unusable(#[from] UnusableKey),
    /// Other servers changed the keys at each try.
    #[error("the signing keys did not hold still")]
    Conflict,
}

impl KeyPairs {
    /// Private halves are sealed by `encryption`.
    #[must_use]
    pub fn new(encryption: KeyEncryption, schedule: KeySchedule) -> Self {
        Self { encryption: Arc::new(encryption), schedule }
    }

    /// Makes the next key if it is time, and tells the others that the one to sign with is needed; of several servers that
    /// come to it at once, one makes it. The key named `held` is in memory already, and needs no opening.
    ///
    /// # Errors
    /// See [`KeyError`]; where only the signing key is the trouble, the rest is found all the same.
    pub async fn look(
        &self,
        database: &Database,
        held: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Found, KeyError> {
        for _ in 0..ATTEMPTS {
            let stored = database.run(signing_keys::all).await?;
            if stored.iter().any(|key| key.needed_until.is_none()) {
                // Before any need is written down, which would be that of this server alone.
                let until = (now + UNKNOWN_NEED).naive_utc();
                database
                    .transaction(move |connection| signing_keys::set_missing_needed_until(connection, until))
                    .await?;
                continue;
            }
            let (usable, unusable): (Vec<&StoredKey>, Vec<&StoredKey>) = stored
                .iter()
                .filter(|key| is_live(key))
                .partition(|key| held == Some(key.kid.as_str()) || self.open(key).is_ok());
            let unusable: Vec<String> = unusable.iter().map(|key| key.kid.clone()).collect();
            if usable.is_empty() && !unusable.is_empty() {
                return Ok(Found { stored, signing: Err(KeyError::Sealed), unusable });
            }
            if let Some(active_from) = self.schedule.due(&stored, now) {
                self.make(database, &stored, active_from, now, ClientInfo::none()).await?;
                continue;
            }
            let signing = self.schedule.signing(&usable, now).ok_or(KeyError::Sealed)?.clone();
            if self.schedule.is_needed_for_long(&signing, now) || self.need(database, &signing, now).await? {
                return Ok(Found { stored, signing: Ok(signing), unusable });
            }
        }
        Err(KeyError::Conflict)
    }

    /// Makes the key after those in `stored`. Nothing, where another server was faster.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn make(
        &self,
        database: &Database,
        stored: &[StoredKey],
        active_from: DateTime<Utc>,
        now: DateTime<Utc>,
        by: ClientInfo,
    ) -> Result<Option<StoredKey>, KeyError> {
        let ordinal = stored.last().map_or(1, |key| key.ordinal + 1);
        let pairs = self.clone();
        // An RSA key takes a second or more.
        let made = spawn_blocking(move || pairs.generate(ordinal, active_from, now));
        let key = made.await.map_err(|_| StoreError::Cancelled)??;
        let row = key.clone();
        let inserted = audit::transaction(database, now, &by, move |connection, audit| {
            signing_keys::insert(connection, &row)?;
            let made = audit.event(EventType::KeyMade).with("kid", row.kid.as_str());
            let made = made.with("algorithm", row.algorithm.as_str());
            audit.record(made.with("active_from", format!("{active_from:?}")));
            Ok::<_, StoreError>(())
        });
        let is_first = match inserted.await {
            Ok(_) => true,
            Err(StoreError::Taken(Taken::Other)) => false,
            Err(error) => return Err(error.into()),
        };
        Ok(is_first.then_some(key))
    }

    /// What the key signs with.
    ///
    /// # Errors
    /// Sealed by another secret, or damaged.
    pub fn open(&self, key: &StoredKey) -> Result<Signer, KeyError> {
        let damaged = || KeyError::Damaged(key.kid.clone());
        let algorithm = key.algorithm.parse().map_err(|_| damaged())?;
        let pkcs8 = self.encryption.open(key).map_err(|CannotDecrypt| damaged())?;
        let signer = Signer::from_pkcs8(algorithm, &pkcs8).map_err(|UnusableKey| damaged())?;
        // What is published must be the other half of what signs.
        let is_whole = public_half(key).is_some()
            && signer.public_jwk().and_then(|jwk| thumbprint(&jwk)) == Some(key.kid.clone());
        if is_whole { Ok(signer) } else { Err(damaged()) }
    }

    /// The rules.
    #[must_use]
    pub fn schedule(&self) -> &KeySchedule {
        &self.schedule
    }

    /// What opens them.
    #[must_use]
    pub fn encryption(&self) -> &KeyEncryption {
        &self.encryption
    }

    async fn need(&self, database: &Database, key: &StoredKey, now: DateTime<Utc>) -> Result<bool, KeyError> {
        let (kid, until) = (key.kid.clone(), self.schedule.needed_until(now).naive_utc());
        Ok(database
            .transaction(move |connection| signing_keys::extend_needed_until(connection, &kid, until))
            .await?)
    }

    fn generate(
        &self,
        ordinal: i32,
        active_from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<StoredKey, KeyError> {
        let algorithm = self.schedule.algorithm;
        let pkcs8 = generate(algorithm)?;
        let mut jwk = Signer::from_pkcs8(algorithm, &pkcs8)?.public_jwk().ok_or(UnusableKey)?;
        let kid = thumbprint(&jwk).ok_or(UnusableKey)?;
        jwk["kid"] = json!(kid);
        let (private_key, encryption_key_id) = self.encryption.seal(&kid, &pkcs8)?;
        Ok(StoredKey {
            ordinal,
            algorithm: algorithm.as_str().to_owned(),
            public_jwk: jwk.to_string(),
            private_key,
            encryption_key_id,
            created_at: now.naive_utc(),
            active_from: active_from.naive_utc(),
            needed_until: Some(self.schedule.needed_until(active_from).naive_utc()),
            retired_at: None,
            kid,
        })
    }
}

impl Found {
    /// The published set, oldest first: some server signs with these keys, or will, or tokens of theirs may be about.
    pub fn published(&self, now: DateTime<Utc>) -> impl Iterator<Item = Value> {
        let signing = self.signing.as_ref().ok().map(|key| key.kid.as_str());
        let belongs = move |key: &&StoredKey| is_published(key, now) || signing == Some(key.kid.as_str());
        self.stored.iter().filter(belongs).filter_map(public_half)
    }
}

/// The JWK, unless it is damaged, so that nobody could use it.
fn public_half(key: &StoredKey) -> Option<Value> {
    let jwk: Value = serde_json::from_str(&key.public_jwk).ok()?;
    (thumbprint(&jwk).as_ref() == Some(&key.kid)).then_some(jwk)
}
