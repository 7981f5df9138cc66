use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use secrecy::{ExposeSecret, SecretString};

use crate::model::{random_text, sha256};

const BYTES: usize = 16;

/// Identifies a browser in which a user has logged in before, with 128 random bits. It grants no access: it only exempts
/// the user from the throttle while others guess the password.
#[derive(Clone, Debug)]
pub struct DeviceToken(SecretString);

impl DeviceToken {
    pub fn random() -> Self {
        Self(random_text::<BYTES>())
    }

    /// Parses a cookie's value.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == BYTES).then(|| Self(text.into()))
    }

    pub fn secret(&self) -> &str {
        self.0.expose_secret()
    }

    /// The form in the database. A plain hash suffices, because 128 random bits cannot be guessed.
    pub fn hash(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(sha256(self.0.expose_secret().as_bytes()))
    }
}
