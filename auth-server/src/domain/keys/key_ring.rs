//! The keys of one running server, in memory: one to sign with, all to verify with.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared_claims::{Algorithm, KeySet, SharedKeys, secret_key_id};

use crate::domain::keys::key_pairs::{KeyError, KeyPairs, LoadedKeys};
use crate::domain::keys::{Signer, UnusableKey};
use crate::domain::operation::Operation;
use crate::model::sha256;
use crate::store::signing_keys::{self, StoredKey};

/// For this long a server may not notice keys that other servers created or retired.
const RELOAD_INTERVAL: TimeDelta = TimeDelta::seconds(10);
/// How long a key that is no longer needed stays in the database: a server whose clock is behind may still need it.
const PURGE_DELAY: TimeDelta = TimeDelta::days(1);

/// Signs access tokens, and publishes the keys that verify them.
pub struct KeyRing {
    source: KeySource,
    /// `None` if the key was retired and no other one is usable.
    signing: ArcSwapOption<Signing>,
    /// Unusable keys that were logged already.
    reported: Mutex<Vec<String>>,
    verifying: SharedKeys,
    published: ArcSwap<PublishedKeySet>,
    loaded_at: Mutex<DateTime<Utc>>,
    refreshed_at: ArcSwap<DateTime<Utc>>,
}

/// The values of the gauges about signing keys.
pub struct KeysState {
    /// When the signing key became active. `None` with HS256 or without a key.
    pub signing_since: Option<DateTime<Utc>>,
    /// Keys that verify tokens.
    pub number: usize,
    /// The last successful [`KeyRing::refresh`].
    pub refreshed_at: DateTime<Utc>,
}

/// What access tokens are signed with.
pub enum KeySource {
    KeyPairs(KeyPairs),
    SharedSecret { secret: SecretString, accepted: Vec<SecretString> },
}

/// The published JWK Set (RFC 7517 §5).
pub struct PublishedKeySet {
    pub json: String,
    /// Its entity tag (RFC 9110 §8.8.3), without the quotes.
    pub tag: String,
}

struct Signing {
    kid: String,
    /// The encoded header of its tokens.
    header: String,
    signer: Signer,
    since: Option<DateTime<Utc>>,
}

impl KeyRing {
    /// Loads the keys, or creates the first one.
    pub async fn open(operation: &Operation<'_>, source: KeySource) -> Result<Self, KeyError> {
        let now = operation.now;
        let (signing, verifying, published) = match &source {
            KeySource::SharedSecret { secret, accepted } => {
                let secret = secret.expose_secret().as_bytes();
                let signing = Signing::new(secret_key_id(secret), Signer::from_secret(secret), None);
                let accepted = accepted.iter().map(|secret| secret.expose_secret().as_bytes());
                let verifying = KeySet::from_secrets(std::iter::once(secret).chain(accepted));
                (signing, verifying, PublishedKeySet::new(&json!({"keys": []})))
            }
            KeySource::KeyPairs(pairs) => {
                let loaded = pairs.load(operation, None).await?;
                let published = PublishedKeySet::of(&loaded, now);
                (Signing::of(pairs, &loaded.signing?)?, published.key_set(), published)
            }
        };
        Ok(Self {
            source,
            signing: ArcSwapOption::from_pointee(signing),
            reported: Mutex::default(),
            verifying: SharedKeys::new(verifying),
            published: ArcSwap::from_pointee(published),
            loaded_at: Mutex::new(now),
            refreshed_at: ArcSwap::from_pointee(now),
        })
    }

    /// Reloads the keys every ten seconds: creates the next key if it is due, switches to it, accepts the keys of other
    /// servers, and purges keys that are no longer needed. Returns how many were purged. Call it every second.
    ///
    /// # Errors
    /// If the database failed, the loaded keys stay in use. If there is no usable key, retired ones are removed anyway.
    pub async fn refresh(&self, operation: &Operation<'_>) -> Result<usize, KeyError> {
        if self.pairs().is_some() && !self.is_reload_due(operation.now) {
            return Ok(0);
        }
        self.reload(operation).await
    }

    /// The same, without waiting for the interval of ten seconds.
    ///
    /// # Errors
    /// As [`KeyRing::refresh`].
    pub async fn reload(&self, operation: &Operation<'_>) -> Result<usize, KeyError> {
        let now = operation.now;
        let Some(pairs) = self.pairs() else {
            self.refreshed_at.store(Arc::new(now));
            return Ok(0);
        };
        let held = self.signing.load().as_ref().map(|signing| signing.kid.clone());
        let loaded = pairs.load(operation, held.as_deref()).await?;
        let published = PublishedKeySet::of(&loaded, now);
        // First, so that retired keys are removed even without a signing key, and a new key is accepted before it signs.
        self.verifying.replace(published.key_set());
        self.published.store(Arc::new(published));
        self.warn_once(loaded.unusable);
        let key = loaded.signing.inspect_err(|_| self.signing.store(None))?;
        if held.as_ref() != Some(&key.kid) {
            self.signing.store(Some(Arc::new(Signing::of(pairs, &key)?)));
            log::info!("signing with key {} from now on", key.kid);
        }
        let before = (now - PURGE_DELAY).naive_utc();
        let purged =
            operation.database.transaction(move |connection| signing_keys::purge(connection, before)).await?;
        if purged > 0 {
            log::info!("purged {purged} signing key(s) whose last token has expired");
        }
        self.refreshed_at.store(Arc::new(now));
        Ok(purged)
    }

    pub fn state(&self) -> KeysState {
        KeysState {
            signing_since: self.signing.load().as_ref().and_then(|signing| signing.since),
            number: self.verifying.current().len(),
            refreshed_at: **self.refreshed_at.load(),
        }
    }

    pub fn can_sign(&self) -> bool {
        self.signing.load().is_some()
    }

    /// The JWK Set to publish. Empty with HS256.
    pub fn published(&self) -> Arc<PublishedKeySet> {
        self.published.load_full()
    }

    /// Whether there is a key set to publish: not with HS256.
    pub fn publishes(&self) -> bool {
        self.pairs().is_some()
    }

    /// The key pairs in the database. `None` with HS256.
    pub fn pairs(&self) -> Option<&KeyPairs> {
        match &self.source {
            KeySource::KeyPairs(pairs) => Some(pairs),
            KeySource::SharedSecret { .. } => None,
        }
    }

    pub fn verifying(&self) -> SharedKeys {
        self.verifying.clone()
    }

    pub fn algorithms(&self) -> &'static [Algorithm] {
        match self.source {
            KeySource::KeyPairs(_) => Algorithm::ASYMMETRIC,
            KeySource::SharedSecret { .. } => &[Algorithm::Hs256],
        }
    }

    pub fn sign(&self, claims: &impl serde::Serialize) -> Result<String, UnusableKey> {
        let signing = self.signing.load();
        let Signing { header, signer, .. } = signing.as_deref().ok_or(UnusableKey)?;
        signer.sign(header, claims)
    }

    /// Warns once for each key, not at every reload.
    fn warn_once(&self, unusable: Vec<String>) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        for kid in unusable.iter().filter(|kid| !reported.contains(kid)) {
            log::warn!("{}", KeyError::Damaged(kid.clone()));
        }
        *reported = unusable;
    }

    /// Also due if the clock was set back.
    fn is_reload_due(&self, now: DateTime<Utc>) -> bool {
        let mut loaded_at = self.loaded_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = (now - *loaded_at).abs() >= RELOAD_INTERVAL;
        if is_due {
            *loaded_at = now;
        }
        is_due
    }
}

impl Signing {
    fn of(pairs: &KeyPairs, key: &StoredKey) -> Result<Self, KeyError> {
        Ok(Self::new(key.kid.clone(), pairs.signer(key)?, Some(key.active_from.and_utc())))
    }

    fn new(kid: String, signer: Signer, since: Option<DateTime<Utc>>) -> Self {
        Self { header: signer.header("at+jwt", &kid), kid, signer, since }
    }
}

impl PublishedKeySet {
    fn of(loaded: &LoadedKeys, now: DateTime<Utc>) -> Self {
        let keys: Vec<Value> = loaded.published(now).collect();
        Self::new(&json!({ "keys": keys }))
    }

    fn new(document: &Value) -> Self {
        let json = document.to_string();
        let tag = BASE64_URL_SAFE_NO_PAD.encode(&sha256(json.as_bytes())[..12]);
        Self { json, tag }
    }

    fn key_set(&self) -> KeySet {
        KeySet::parse(self.json.as_bytes()).unwrap_or_default()
    }
}
