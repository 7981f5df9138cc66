//! Encryption of secrets for the database, each kind with a key of its own: AES-256-GCM with a key derived from
//! `KEY_ENCRYPTION_SECRET` (HKDF, RFC 5869).

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use secrecy::SecretString;

use crate::model::{Encrypted, derive_secret, sha256};

/// What is encrypted: the info of HKDF.
const PRIVATE_KEYS: &str = "latchkey private keys";
const TOTP_SECRETS: &str = "latchkey totp secrets";

/// The current secret and, while secrets are changed, the previous one.
pub struct KeyEncryption {
    current: EncryptionKey,
    previous: Option<EncryptionKey>,
}

struct EncryptionKey {
    key: RandomizedNonceKey,
    id: String,
}

/// It was encrypted with another secret, or its row was changed.
#[derive(Debug, thiserror::Error)]
#[error("encrypted with another KEY_ENCRYPTION_SECRET, or damaged")]
pub struct CannotDecrypt;

impl KeyEncryption {
    /// For private keys. Encrypts with `current`, decrypts with either.
    pub fn of_private_keys(current: &SecretString, previous: Option<&SecretString>) -> Self {
        Self::new(PRIVATE_KEYS, current, previous)
    }

    /// The same for the secrets of authenticator apps.
    pub fn of_totp_secrets(current: &SecretString, previous: Option<&SecretString>) -> Self {
        Self::new(TOTP_SECRETS, current, previous)
    }

    fn new(kind: &str, current: &SecretString, previous: Option<&SecretString>) -> Self {
        let derive = |secret| EncryptionKey::derive(secret, kind);
        Self { current: derive(current), previous: previous.map(derive) }
    }

    /// The id of the current secret.
    pub fn key_id(&self) -> &str {
        &self.current.id
    }

    /// `label` names the row: it is authenticated, so that the secrets of two rows cannot be swapped.
    pub fn encrypt(&self, label: &str, plain: &[u8]) -> Result<Encrypted, Unspecified> {
        Ok(Encrypted { bytes: self.current.encrypt(label, plain)?, key_id: self.current.id.clone() })
    }

    pub fn decrypt(&self, label: &str, encrypted: &[u8], key_id: &str) -> Result<Vec<u8>, CannotDecrypt> {
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        let encryption_key = keys.find(|candidate| candidate.id == key_id);
        encryption_key.ok_or(CannotDecrypt)?.decrypt(label, encrypted)
    }
}

impl EncryptionKey {
    /// The id names the key in the database and reveals nothing about it.
    fn derive(secret: &SecretString, kind: &str) -> Self {
        let derived = derive_secret(secret, kind.as_bytes());
        let id = derive_secret(secret, format!("{kind}: id").as_bytes());
        let id = BASE64_URL_SAFE_NO_PAD.encode(&sha256(&id)[..8]);
        let key = RandomizedNonceKey::new(&AES_256_GCM, &derived).expect("AES-256 takes 32 bytes");
        Self { key, id }
    }

    /// Nonce, ciphertext, tag.
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
    use crate::domain::keys::encryption::{EncryptionKey, PRIVATE_KEYS, TOTP_SECRETS};

    #[test]
    fn a_secret_is_decrypted_only_with_its_secret_and_its_label() {
        let ours = EncryptionKey::derive(&"0123456789abcdef0123456789abcdef".into(), PRIVATE_KEYS);
        let other_kind = EncryptionKey::derive(&"0123456789abcdef0123456789abcdef".into(), TOTP_SECRETS);
        let other = EncryptionKey::derive(&"0123456789abcdef0123456789abcdeg".into(), PRIVATE_KEYS);
        let encrypted = ours.encrypt("kid-1", b"private").unwrap();
        assert_eq!(ours.decrypt("kid-1", &encrypted).unwrap(), b"private");
        assert!(ours.decrypt("kid-2", &encrypted).is_err());
        assert!(other.decrypt("kid-1", &encrypted).is_err());
        assert!(other_kind.decrypt("kid-1", &encrypted).is_err());
        assert!(ours.decrypt("kid-1", &encrypted[..10]).is_err());
        assert!(ours.id != other.id && ours.id != other_kind.id);
        assert!(!encrypted.windows(7).any(|window| window == b"private"));
    }
}
