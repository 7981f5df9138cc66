use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared_claims::Algorithm;
use shared_claims::SharedKeys;
use shared_claims::{KeySet, secret_key_id, thumbprint};

use super::sealing::{NotOurs, SealingKey};
use super::signer::{Signer, UnusableKey, generate};
use crate::store::signing_keys::StoredKey;
use crate::store::{Database, StoreError, signing_keys};

/// How often servers that start together may lose the race for the next ordinal before something else is wrong.
const ATTEMPTS: usize = 10;

/// The keys of access tokens: one to sign with, all to verify with.
pub struct KeyRing {
    source: Source,
    signing: Signing,
    verifying: SharedKeys,
    published: ArcSwap<Value>,
}

/// What access tokens are signed with.
pub enum Source {
    /// Key pairs in the database.
    KeyPairs {
        /// Seals their private halves.
        sealing: SealingKey,
        /// Algorithm of the one that this server signs with.
        algorithm: Algorithm,
    },
    /// HS256.
    SharedSecret {
        /// Signs and verifies.
        secret: SecretString,
        /// Verify only.
        accepted: Vec<SecretString>,
    },
}

struct Signing {
    kid: String,
    signer: Signer,
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A wrong `KEY_ENCRYPTION_SECRET`, most likely.
    #[error("signing key {kid}: {cause}")]
    Sealed {
        /// Which key.
        kid: String,
        /// Why.
        cause: NotOurs,
    },
    /// A stored key is no key.
    #[error(transparent)]
    Unusable(#[from] UnusableKey),
    /// Other servers always made the next key first, yet none of this algorithm appeared.
    #[error("could not add a signing key")]
    Contended,
}

impl KeyRing {
    /// Takes the newest key of the algorithm, or makes the first. Of several servers that start at once, one makes it.
    ///
    /// # Errors
    /// See [`KeyRingError`].
    pub async fn open(database: &Database, source: Source, now: DateTime<Utc>) -> Result<Self, KeyRingError> {
        let (signing, verifying, published) = match &source {
            Source::SharedSecret { secret, accepted } => {
                let secret = secret.expose_secret().as_bytes();
                let signing = Signing { kid: secret_key_id(secret), signer: Signer::from_secret(secret) };
                let accepted = accepted.iter().map(|secret| secret.expose_secret().as_bytes());
                (signing, KeySet::from_secrets(std::iter::once(secret).chain(accepted)), json!({"keys": []}))
            }
            Source::KeyPairs { sealing, algorithm } => {
                let (stored, newest) = newest_or_new(database, sealing, *algorithm, now).await?;
                let published = document(&stored);
                (newest, key_set(&published), published)
            }
        };
        let published = ArcSwap::from_pointee(published);
        Ok(Self { source, signing, verifying: SharedKeys::new(verifying), published })
    }

    /// Looks for keys that other servers have made meanwhile, so that this one publishes and accepts them too.
    ///
    /// # Errors
    /// The database failed; the keys at hand stay.
    pub async fn reload(&self, database: &Database) -> Result<(), StoreError> {
        if let Source::KeyPairs { .. } = self.source {
            let document = document(&database.run(signing_keys::all).await?);
            self.verifying.replace(key_set(&document));
            self.published.store(Arc::new(document));
        }
        Ok(())
    }

    /// The JWK Set to publish (RFC 7517 §5); empty with HS256.
    #[must_use]
    pub fn published(&self) -> Arc<Value> {
        self.published.load_full()
    }

    /// Whether there is a key set to publish at all.
    #[must_use]
    pub fn publishes(&self) -> bool {
        matches!(self.source, Source::KeyPairs { .. })
    }

    /// The keys that an access token of ours may be signed with.
    #[must_use]
    pub fn verifying(&self) -> SharedKeys {
        self.verifying.clone()
    }

    /// The algorithms that go with them.
    #[must_use]
    pub fn algorithms(&self) -> &'static [Algorithm] {
        match self.source {
            Source::KeyPairs { .. } => &[Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa],
            Source::SharedSecret { .. } => &[Algorithm::Hs256],
        }
    }

    /// Signs an access token (RFC 9068 §2.1).
    pub(super) fn sign(&self, claims: &impl serde::Serialize) -> Result<String, UnusableKey> {
        self.signing.signer.sign("at+jwt", &self.signing.kid, claims)
    }
}

async fn newest_or_new(
    database: &Database,
    sealing: &SealingKey,
    algorithm: Algorithm,
    now: DateTime<Utc>,
) -> Result<(Vec<StoredKey>, Signing), KeyRingError> {
    for _ in 0..ATTEMPTS {
        let stored = database.run(signing_keys::all).await?;
        if let Some(key) = stored.iter().rev().find(|key| key.algorithm == algorithm.as_str()) {
            let opened = open(sealing, algorithm, key)?;
            return Ok((stored, opened));
        }
        let ordinal = stored.last().map_or(1, |key| key.ordinal + 1);
        let key = make(sealing, algorithm, ordinal, now)?;
        let kid = key.kid.clone();
        if database.run(move |connection| signing_keys::insert(connection, &key)).await? {
            log::info!("made signing key {kid} ({algorithm})");
        }
    }
    Err(KeyRingError::Contended)
}

fn make(
    sealing: &SealingKey,
    algorithm: Algorithm,
    ordinal: i32,
    now: DateTime<Utc>,
) -> Result<StoredKey, KeyRingError> {
    let pkcs8 = generate(algorithm)?;
    let mut jwk = Signer::from_pkcs8(algorithm, &pkcs8)?.public_jwk().ok_or(UnusableKey)?;
    let kid = thumbprint(&jwk).ok_or(UnusableKey)?;
    jwk["kid"] = json!(kid);
    let private_key =
        sealing.seal(&kid, &pkcs8).map_err(|cause| KeyRingError::Sealed { kid: kid.clone(), cause })?;
    Ok(StoredKey {
        ordinal,
        kid,
        algorithm: algorithm.as_str().to_owned(),
        public_jwk: jwk.to_string(),
        private_key,
        encryption_key_id: sealing.id().to_owned(),
        created_at: now.naive_utc(),
    })
}

fn open(sealing: &SealingKey, algorithm: Algorithm, key: &StoredKey) -> Result<Signing, KeyRingError> {
    let pkcs8 = sealing
        .open(&key.kid, &key.private_key)
        .map_err(|cause| KeyRingError::Sealed { kid: key.kid.clone(), cause })?;
    Ok(Signing { kid: key.kid.clone(), signer: Signer::from_pkcs8(algorithm, &pkcs8)? })
}

fn document(stored: &[StoredKey]) -> Value {
    let keys: Vec<Value> =
        stored.iter().filter_map(|key| serde_json::from_str(&key.public_jwk).ok()).collect();
    json!({ "keys": keys })
}

fn key_set(document: &Value) -> KeySet {
    KeySet::parse(document.to_string().as_bytes()).unwrap_or_default()
}
