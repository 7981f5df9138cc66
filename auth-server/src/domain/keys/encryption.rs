use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::keys::UnusableKey;
use crate::model::sha256;
use crate::store::signing_keys::StoredKey;

/// Seals private keys for the database: AES-256-GCM under a key derived from `KEY_ENCRYPTION_SECRET` (HKDF, RFC 5869).
struct SealingKey {
    key: RandomizedNonceKey,
    id: String,
}

/// The text was not sealed with this key, not for this label, or was changed since.
#[derive(Debug, thiserror::Error)]
#[error("sealed with another KEY_ENCRYPTION_SECRET, or damaged")]
pub struct CannotDecrypt;

impl SealingKey {
    /// Derives the key. Its id names it in the database without telling anything about it.
    fn derive(secret: &SecretString) -> Self {
        let derived = expand(secret, b"latchkey private keys");
        let id = expand(secret, b"latchkey private keys: id");
        let id = BASE64_URL_SAFE_NO_PAD.encode(&sha256(&id)[..8]);
        let key = RandomizedNonceKey::new(&AES_256_GCM, &derived).expect("AES-256 takes 32 bytes");
        Self { key, id }
    }

    /// Nonce, ciphertext, tag. `label` must be given again to open it, so that rows cannot be swapped.
    fn seal(&self, label: &str, plain: &[u8]) -> Result<Vec<u8>, CannotDecrypt> {
        let mut text = plain.to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(label.as_bytes()), &mut text)
            .map_err(|_| CannotDecrypt)?;
        Ok([nonce.as_ref().as_slice(), &text].concat())
    }

    /// What [`SealingKey::seal`] was given.
    fn open(&self, label: &str, sealed: &[u8]) -> Result<Vec<u8>, CannotDecrypt> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(CannotDecrypt)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotDecrypt)?;
        let mut text = text.to_vec();
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(label.as_bytes()), &mut text)
            .map_err(|_| CannotDecrypt)?;
        Ok(plain.to_vec())
    }
}

/// The secret in use, and during a change the one before.
pub struct KeyEncryption {
    current: SealingKey,
    previous: Option<SealingKey>,
}

impl KeyEncryption {
    /// Seals with `current`; opens what either has sealed.
    pub fn new(current: &SecretString, previous: Option<&SecretString>) -> Self {
        Self { current: SealingKey::derive(current), previous: previous.map(SealingKey::derive) }
    }

    /// Whether it was sealed with the secret in use.
    pub fn is_current(&self, key: &StoredKey) -> bool {
        key.encryption_key_id == self.current.id
    }

    /// The sealed private half, and what to call the key that sealed it.
    pub fn seal(&self, kid: &str, pkcs8: &[u8]) -> Result<(Vec<u8>, String), UnusableKey> {
        let sealed = self.current.seal(kid, pkcs8).map_err(|CannotDecrypt| UnusableKey)?;
        Ok((sealed, self.current.id.clone()))
    }

    /// The private half, as PKCS#8.
    pub fn open(&self, key: &StoredKey) -> Result<Vec<u8>, CannotDecrypt> {
        self.by_id(&key.encryption_key_id).ok_or(CannotDecrypt)?.open(&key.kid, &key.private_key)
    }

    fn by_id(&self, id: &str) -> Option<&SealingKey> {
        std::iter::once(&self.current).chain(&self.previous).find(|key| key.id == id)
    }
}

fn expand(secret: &SecretString, info: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let key = Salt::new(HKDF_SHA256, b"latchkey").extract(secret.expose_secret().as_bytes());
    key.expand(&[info], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out))
        .expect("HKDF-SHA256 gives up to 8160 bytes");
    out
}

#[cfg(test)]
mod tests {
    use crate::domain::keys::encryption::SealingKey;

    #[test]
    fn a_sealed_key_opens_only_with_its_secret_and_its_label() {
        let ours = SealingKey::derive(&"0123456789abcdef0123456789abcdef".into());
        let other = SealingKey::derive(&"0123456789abcdef0123456789abcdeg".into());
        let sealed = ours.seal("kid-1", b"private").unwrap();
        assert_eq!(ours.open("kid-1", &sealed).unwrap(), b"private");
        assert!(ours.open("kid-2", &sealed).is_err());
        assert!(other.open("kid-1", &sealed).is_err());
        assert!(ours.open("kid-1", &sealed[..10]).is_err());
        assert_ne!(ours.id, other.id);
        assert!(!sealed.windows(7).any(|window| window == b"private"));
    }
}
