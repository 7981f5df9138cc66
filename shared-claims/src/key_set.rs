//! Verification keys, and the JWK Set document that contains them (RFC 7517 §5).

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::algorithm::Algorithm;
use crate::error::TokenError;
use crate::jwk::{self, Fingerprint, Key};
pub use crate::jwk::{secret_key_id, thumbprint};
use crate::strict_json;

/// The maximum number of keys in one document. A set has one key per rotation whose tokens are still valid.
pub const MAX_KEYS: usize = 64;

/// Verification keys, selected by `kid`. Cheap to clone. The default is empty.
#[derive(Clone, Default)]
pub struct KeySet {
    keys: Arc<[Key]>,
}

/// Why a document cannot be used. A single unusable key in it is not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not a JSON object with an array named `keys`.
    #[error("the document is not a JWK Set")]
    NotAKeySet,
    /// More than [`MAX_KEYS`].
    #[error("the document has more than 64 keys")]
    TooManyKeys,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl KeySet {
    /// Parses a JWK Set. Unusable keys are left out, as RFC 7517 §5 requires: wrong type, curve, `use`, `key_ops`, `alg`,
    /// a weak or short modulus, a duplicate member, a duplicate `kid`, and every `oct` key. The resulting set can be empty.
    ///
    /// # Errors
    /// [`KeySetError`], if the document as a whole is unusable.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let document: Document = serde_json::from_slice(json).map_err(|_| KeySetError::NotAKeySet)?;
        if document.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let usable = document.keys.iter().filter_map(|raw| {
            let members: Value = strict_json::from_slice(raw.get().as_bytes()).ok()?;
            jwk::usable_key(&members)
        });
        Ok(Self::from_keys(usable))
    }

    /// Shared secrets for HS256, each with its [`secret_key_id`] as `kid`.
    pub fn from_secrets<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::from_keys(secrets.into_iter().map(|secret| {
            let id = jwk::secret_key_id(secret);
            Key::new(Some(id), Algorithm::Hs256, DecodingKey::from_secret(secret))
        }))
    }

    fn from_keys(candidates: impl Iterator<Item = Key>) -> Self {
        let mut keys: Vec<Key> = Vec::new();
        for key in candidates {
            if key.id.is_none() || !keys.iter().any(|other| other.id == key.id) {
                keys.push(key);
            }
        }
        Self { keys: keys.into() }
    }

    /// The number of usable keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are no usable keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The `kid` of each key that has one.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|key| key.id.as_deref())
    }

    /// The key named `id`, or without an id the only key of the set.
    pub(crate) fn pick(&self, id: Option<&str>) -> Result<&Key, TokenError> {
        match (id, &*self.keys) {
            (_, []) => Err(TokenError::NoKeys),
            (Some(id), keys) => {
                keys.iter().find(|key| key.id.as_deref() == Some(id)).ok_or(TokenError::UnknownKey)
            }
            (None, [only]) => Ok(only),
            (None, _) => Err(TokenError::MissingKeyId),
        }
    }

    /// Exactly this key, if the set still contains it.
    pub(crate) fn find(&self, fingerprint: &Fingerprint) -> Option<&Key> {
        self.keys.iter().find(|key| key.fingerprint == *fingerprint)
    }
}

/// Shows key ids and algorithms, never key material.
impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| (&key.id, key.algorithm))).finish()
    }
}
