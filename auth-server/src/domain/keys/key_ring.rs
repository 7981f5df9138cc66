use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared_claims::{Algorithm, KeySet, SharedKeys, secret_key_id};

use crate::domain::keys::key_pairs::{Found, KeyError, KeyPairs};
use crate::domain::keys::{Signer, UnusableKey};
use crate::model::sha256;
use crate::store::Database;
use crate::store::signing_keys::{self, StoredKey};

/// How old a server's idea of the keys may be. So long, other servers' new keys and retirements go unnoticed.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(10);
/// How long a key stays in the database that nobody needs: another server's clock may be behind, and its key must not be
/// taken away from under it.
const KEPT_FOR_OTHERS: TimeDelta = TimeDelta::days(1);

/// The keys of access tokens: one to sign with, all to verify with.
pub struct KeyRing {
    source: Source,
    /// Nothing, where the last one was retired and no other can be used.
    signing: ArcSwapOption<Signing>,
    /// Keys of which was said already that they cannot be used.
    unusable: Mutex<Vec<String>>,
    verifying: SharedKeys,
    published: ArcSwap<Published>,
    looked_at: Mutex<DateTime<Utc>>,
    kept_at: ArcSwap<DateTime<Utc>>,
}

/// How the keys are, for operators.
pub struct KeysState {
    /// Since when the key signs that signs now; none with HS256, nor without a key.
    pub signing_since: Option<DateTime<Utc>>,
    /// Keys that tokens may be signed with.
    pub number: usize,
    /// When they were last looked after, and nothing was wrong.
    pub kept_at: DateTime<Utc>,
}

/// What access tokens are signed with.
pub enum Source {
    /// Key pairs in the database.
    KeyPairs(KeyPairs),
    /// HS256.
    SharedSecret {
        /// Signs and verifies.
        secret: SecretString,
        /// Verify only.
        accepted: Vec<SecretString>,
    },
}

/// The JWK Set as it is handed out (RFC 7517 §5).
pub struct Published {
    /// The document.
    pub json: String,
    /// Names this version of it (RFC 9110 §8.8.3), without the quotes.
    pub tag: String,
}

struct Signing {
    kid: String,
    signer: Signer,
    since: Option<DateTime<Utc>>,
}

impl KeyRing {
    /// Finds the key to sign with, or makes the first. Of several servers that start at once, one makes it.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn open(database: &Database, source: Source, now: DateTime<Utc>) -> Result<Self, KeyError> {
        let (signing, verifying, published) = match &source {
            Source::SharedSecret { secret, accepted } => {
                let secret = secret.expose_secret().as_bytes();
                let signing =
                    Signing { kid: secret_key_id(secret), signer: Signer::from_secret(secret), since: None };
                let accepted = accepted.iter().map(|secret| secret.expose_secret().as_bytes());
                let verifying = KeySet::from_secrets(std::iter::once(secret).chain(accepted));
                (signing, verifying, Published::new(&json!({"keys": []})))
            }
            Source::KeyPairs(pairs) => {
                let found = pairs.look(database, None, now).await?;
                let published = Published::of(&found, now);
                (Signing::open(pairs, &found.signing?)?, published.key_set(), published)
            }
        };
        Ok(Self {
            source,
            signing: ArcSwapOption::from_pointee(signing),
            unusable: Mutex::default(),
            verifying: SharedKeys::new(verifying),
            published: ArcSwap::from_pointee(published),
            looked_at: Mutex::new(now),
            kept_at: ArcSwap::from_pointee(now),
        })
    }

    /// Does what is due: looks at the database now and then, makes the next key, changes over to it, publishes and
    /// accepts what other servers made, removes what nobody needs, and returns how many those were. To be called every second
    /// or so.
    ///
    /// # Errors
    /// The database failed: the keys at hand stay. Or there is no key that can be used: what was retired goes all the same.
    pub async fn refresh(&self, database: &Database, now: DateTime<Utc>) -> Result<usize, KeyError> {
        let Source::KeyPairs(pairs) = &self.source else {
            self.kept_at.store(Arc::new(now));
            return Ok(0);
        };
        if !self.is_time_to_look(now) {
            return Ok(0);
        }
        let held = self.signing.load().as_ref().map(|signing| signing.kid.clone());
        let found = pairs.look(database, held.as_deref(), now).await?;
        let published = Published::of(&found, now);
        // Whatever becomes of the signing key, what was retired is out of the set. And first all that may be signed with
        // is accepted here, then it is signed with.
        self.verifying.replace(published.key_set());
        self.published.store(Arc::new(published));
        self.warn_of(found.unusable);
        let key = found.signing.inspect_err(|_| self.signing.store(None))?;
        if held.as_ref() != Some(&key.kid) {
            self.signing.store(Some(Arc::new(Signing::open(pairs, &key)?)));
            log::info!("signing with key {} from now on", key.kid);
        }
        let before = (now - KEPT_FOR_OTHERS).naive_utc();
        let purged = database.transaction(move |connection| signing_keys::purge(connection, before)).await?;
        if purged > 0 {
            log::info!("removed {purged} signing key(s) whose last token has expired");
        }
        self.kept_at.store(Arc::new(now));
        Ok(purged)
    }

    /// How they are at this moment.
    #[must_use]
    pub fn state(&self) -> KeysState {
        KeysState {
            signing_since: self.signing.load().as_ref().and_then(|signing| signing.since),
            number: self.verifying.current().len(),
            kept_at: **self.kept_at.load(),
        }
    }

    /// Whether there is a key to sign with.
    #[must_use]
    pub fn can_sign(&self) -> bool {
        self.signing.load().is_some()
    }

    /// The JWK Set to publish; empty with HS256.
    #[must_use]
    pub fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// Whether there is a key set to publish at all.
    #[must_use]
    pub fn publishes(&self) -> bool {
        matches!(self.source, Source::KeyPairs(_))
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
            Source::KeyPairs(_) => Algorithm::ASYMMETRIC,
            Source::SharedSecret { .. } => &[Algorithm::Hs256],
        }
    }

    /// Signs an access token (RFC 9068 §2.1).
    pub fn sign(&self, claims: &impl serde::Serialize) -> Result<String, UnusableKey> {
        let signing = self.signing.load_full().ok_or(UnusableKey)?;
        signing.signer.sign("at+jwt", &signing.kid, claims)
    }

    /// Once for each, and not at every look.
    fn warn_of(&self, unusable: Vec<String>) {
        let mut said = self.unusable.lock().unwrap_or_else(PoisonError::into_inner);
        for kid in unusable.iter().filter(|kid| !said.contains(kid)) {
            log::warn!("{}", KeyError::Damaged(kid.clone()));
        }
        *said = unusable;
    }

    /// A clock that was set back counts as time that has passed.
    fn is_time_to_look(&self, now: DateTime<Utc>) -> bool {
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = (now - *looked_at).abs() >= LOOK_EVERY;
        if is_time {
            *looked_at = now;
        }
        is_time
    }
}

impl Signing {
    fn open(pairs: &KeyPairs, key: &StoredKey) -> Result<Self, KeyError> {
        Ok(Self { kid: key.kid.clone(), signer: pairs.open(key)?, since: Some(key.active_from.and_utc()) })
    }
}

impl Published {
    fn of(found: &Found, now: DateTime<Utc>) -> Self {
        let keys: Vec<Value> = found.published(now).collect();
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
