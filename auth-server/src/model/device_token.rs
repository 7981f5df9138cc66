use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use secrecy::{ExposeSecret, SecretString};

use crate::model::{random_text, sha256};

/// 128 bits.
const BYTES: usize = 16;

/// Tells a browser again in which somebody has logged in before. It opens nothing: it only earns its person a hearing
/// while strangers are guessing at the password.
#[derive(Clone, Debug)]
pub struct DeviceToken(SecretString);

impl DeviceToken {
    /// A new one: 128 random bits.
    #[must_use]
    pub fn random() -> Self {
        Self(random_text::<BYTES>())
    }

    /// What a cookie says, if it can be one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == BYTES).then(|| Self(text.into()))
    }

    /// The cookie's value.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the database keeps. A plain hash will do: 128 random bits cannot be guessed.
    #[must_use]
    pub fn hash(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(sha256(self.0.expose_secret().as_bytes()))
    }
}
