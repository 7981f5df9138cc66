//! Passwords in Unicode Normalization Form C, as NIST SP 800-63B section 3.1.1.2 requires: some keyboards send `ä` as one
//! character, others as two.

use icu_normalizer::ComposingNormalizer;
use secrecy::{ExposeSecret, SecretString};

pub fn normalize(password: &SecretString) -> SecretString {
    ComposingNormalizer::new_nfc().normalize(password.expose_secret()).into_owned().into()
}

/// Whether two passwords are the same once they are normalised.
pub fn is_same_password(one: &SecretString, other: &SecretString) -> bool {
    normalize(one).expose_secret() == normalize(other).expose_secret()
}
