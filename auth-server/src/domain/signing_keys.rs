use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared_claims::{Algorithm, KeySet, SharedKeys, secret_key_id};

use super::key_pairs::{Found, KeyError, KeyPairs};
use super::refresh_tokens::sha256;
use super::signer::{Signer, UnusableKey};
use crate::store::{Database, signing_keys};

/// How old a server's idea of the keys may be. So long, other servers' new keys and retirements go unnoticed.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(10);
/// How long a key is kept that a version made which did not say for how long it is needed.
const UNKNOWN_NEED: TimeDelta = TimeDelta::days(1);

/// The keys of access tokens: one to sign with, all to verify with.
pub struct KeyRing {
    source: Source,
    signing: ArcSwap<Signing>,
    verifying: SharedKeys,
    published: ArcSwap<Published>,
    looked_at: Mutex<DateTime<Utc>>,
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
                let signing = Signing { kid: secret_key_id(secret), signer: Signer::from_secret(secret) };
                let accepted = accepted.iter().map(|secret| secret.expose_secret().as_bytes());
                let verifying = KeySet::from_secrets(std::iter::once(secret).chain(accepted));
                (signing, verifying, Published::new(&json!({"keys": []})))
            }
            Source::KeyPairs(pairs) => {
                let found = pairs.look(database, now).await?;
                let signing = Signing::open(pairs, &found)?;
                let published = Published::of(&found, now);
                (signing, published.key_set(), published)
            }
        };
        Ok(Self {
            source,
            signing: ArcSwap::from_pointee(signing),
            verifying: SharedKeys::new(verifying),
            published: ArcSwap::from_pointee(published),
            looked_at: Mutex::new(now),
        })
    }

    /// Does what is due: looks at the database now and then, makes the next key, changes over to it, publishes and
    /// accepts what other servers made, removes what nobody needs. To be called every second or so.
    ///
    /// # Errors
    /// The database failed, or a key cannot be used; the keys at hand stay.
    pub async fn keep(&self, database: &Database, now: DateTime<Utc>) -> Result<(), KeyError> {
        let Source::KeyPairs(pairs) = &self.source else { return Ok(()) };
        if !self.is_time_to_look(now) {
            return Ok(());
        }
        let found = pairs.look(database, now).await?;
        let published = Published::of(&found, now);
        // First all that may be signed with is accepted here, then it is signed with.
        self.verifying.replace(published.key_set());
        self.published.store(Arc::new(published));
        if self.signing.load().kid != found.signing.kid {
            self.signing.store(Arc::new(Signing::open(pairs, &found)?));
            log::info!("signing with key {} from now on", found.signing.kid);
        }
        let unknown = (now + UNKNOWN_NEED).naive_utc();
        database.run(move |connection| signing_keys::need_unknown(connection, unknown)).await?;
        let purged = database.run(move |connection| signing_keys::purge(connection, now.naive_utc())).await?;
        if purged > 0 {
            log::info!("removed {purged} signing key(s) whose last token has expired");
        }
        Ok(())
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
    pub(super) fn sign(&self, claims: &impl serde::Serialize) -> Result<String, UnusableKey> {
        let signing = self.signing.load();
        signing.signer.sign("at+jwt", &signing.kid, claims)
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
    fn open(pairs: &KeyPairs, found: &Found) -> Result<Self, KeyError> {
        Ok(Self { kid: found.signing.kid.clone(), signer: pairs.open(&found.signing)? })
    }
}

impl Published {
    fn of(found: &Found, now: DateTime<Utc>) -> Self {
        let keys: Vec<Value> =
            found.live(now).filter_map(|key| serde_json::from_str(&key.public_jwk).ok()).collect();
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
