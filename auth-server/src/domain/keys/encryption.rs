//! Encryption of private keys for the database: AES-256-GCM with a key derived from `KEY_ENCRYPTION_SECRET` (HKDF, RFC 5869).

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use secrecy::SecretString;

use crate::domain::keys::UnusableKey;
use crate::model::{derive_secret, sha256};
use crate::store::signing_keys::StoredKey;

/// The current secret and, while secrets are changed, the previous one.
pub struct KeyEncryption {
    current: EncryptionKey,
    previous: Option<EncryptionKey>,
}

struct EncryptionKey {
    key: RandomizedNonceKey,
    id: String,
}

/// The private key was encrypted with another secret, or its row was changed.
#[derive(Debug, thiserror::Error)]
#[error("encrypted with another KEY_ENCRYPTION_SECRET, or damaged")]
pub struct CannotDecrypt;

impl KeyEncryption {
    /// Encrypts with `current`, decrypts with either.
    pub fn new(current: &SecretString, previous: Option<&SecretString>) -> Self {
        Self { current: EncryptionKey::derive(current), previous: previous.map(EncryptionKey::derive) }
    }

    /// Whether the key is encrypted with the current secret.
    pub fn is_current(&self, key: &StoredKey) -> bool {
        key.encryption_key_id == self.current.id
    }

    /// The encrypted private key, and the id of the key that encrypted it.
    pub fn encrypt(&self, kid: &str, pkcs8: &[u8]) -> Result<(Vec<u8>, String), UnusableKey> {
        Ok((self.current.encrypt(kid, pkcs8)?, self.current.id.clone()))
    }

    /// The private key as PKCS#8.
    pub fn decrypt(&self, key: &StoredKey) -> Result<Vec<u8>, CannotDecrypt> {
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        let encryption_key = keys.find(|candidate| candidate.id == key.encryption_key_id);
        encryption_key.ok_or(CannotDecrypt)?.decrypt(&key.kid, &key.private_key)
    }
}

impl EncryptionKey {
    /// The id names the key in the database and reveals nothing about it.
    fn derive(secret: &SecretString) -> Self {
        let derived = derive_secret(secret, b"latchkey private keys");
        let id = derive_secret(secret, b"latchkey private keys: id");
        let id = BASE64_URL_SAFE_NO_PAD.encode(&sha256(&id)[..8]);
        let key = RandomizedNonceKey::new(&AES_256_GCM, &derived).expect("AES-256 takes 32 bytes");
        Self { key, id }
    }

    /// Nonce, ciphertext, tag. The label is authenticated, so that the private keys of two rows cannot be swapped.
    fn encrypt(&self, label: &str, plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut text = plain.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(label.as_bytes()), &mut text)?;
        Ok([nonce.as_ref().as_slice(), &text].concat())
    }

    fn decrypt(&self, label: &str, encrypted: &[u8]) -> Result<Vec<u8>, CannotDecrypt> {
        let (nonce, text) = encrypted.split_at_checked(NONCE_LEN).ok_or(CannotDecrypt)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotDecrypt)?;
        let mut text = text.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(label.as_bytes()), &mut text);
        plain.map(|plain| plain.to_vec()).map_err(|_| CannotDecrypt)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::keys::encryption::EncryptionKey;

    #[test]
    fn a_private_key_is_decrypted_only_with_its_secret_and_its_label() {
        let ours = EncryptionKey::derive(&"0123456789abcdef0123456789abcdef".into());
        let other = EncryptionKey::derive(&"0123456789abcdef0123456789abcdeg".into());
        let encrypted = ours.encrypt("kid-1", b"private").unwrap();
        assert_eq!(ours.decrypt("kid-1", &encrypted).unwrap(), b"private");
        assert!(ours.decrypt("kid-2", &encrypted).is_err());
        assert!(other.decrypt("kid-1", &encrypted).is_err());
        assert!(ours.decrypt("kid-1", &encrypted[..10]).is_err());
        assert_ne!(ours.id, other.id);
        assert!(!encrypted.windows(7).any(|window| window == b"private"));
    }
}
