//! The token of the setup link, which creates the first administrator. It is not stored: it is an HMAC, with a key derived
//! from `KEY_ENCRYPTION_SECRET`, of the database that it is for and the time at which it expires. Servers that start on one
//! database accept each other's.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::model::derive_secret;

const TIME_BYTES: usize = 8;
/// 128 bits cannot be guessed.
const TAG_BYTES: usize = 16;

/// Makes and verifies setup tokens. Without a secret there are none.
pub struct SetupTokens(Option<hmac::Key>);

/// The token of a setup link. Not verified yet.
#[derive(Clone)]
pub struct SetupToken {
    /// Seconds since 1970.
    expires_at: i64,
    tag: [u8; TAG_BYTES],
}

impl SetupToken {
    pub fn parse(token: &SecretString) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.expose_secret()).ok()?;
        let (time, tag) = bytes.split_at_checked(TIME_BYTES)?;
        Some(Self { expires_at: i64::from_be_bytes(time.try_into().ok()?), tag: tag.try_into().ok()? })
    }
}

impl SetupTokens {
    pub fn new(secret: Option<&SecretString>) -> Self {
        let derive =
            |secret| hmac::Key::new(hmac::HMAC_SHA256, &derive_secret(secret, b"latchkey setup link"));
        Self(secret.map(derive))
    }

    /// `database` identifies the database.
    pub fn issue(&self, database: &str, expires_at: DateTime<Utc>) -> Option<SecretString> {
        let expires_at = expires_at.timestamp();
        let tag = self.tag(database, expires_at)?;
        Some(BASE64_URL_SAFE_NO_PAD.encode([expires_at.to_be_bytes().as_slice(), &tag].concat()).into())
    }

    pub fn is_valid(&self, token: &SetupToken, database: &str, now: DateTime<Utc>) -> bool {
        let expected = self.tag(database, token.expires_at).filter(|_| now.timestamp() < token.expires_at);
        expected.is_some_and(|expected| verify_slices_are_equal(&expected, &token.tag).is_ok())
    }

    fn tag(&self, database: &str, expires_at: i64) -> Option<[u8; TAG_BYTES]> {
        let mut mac = hmac::Context::with_key(self.0.as_ref()?);
        mac.update(&expires_at.to_be_bytes());
        mac.update(database.as_bytes());
        mac.sign().as_ref()[..TAG_BYTES].try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use secrecy::{ExposeSecret, SecretString};

    use crate::domain::tokens::{SetupToken, SetupTokens};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn tokens(secret: &str) -> SetupTokens {
        SetupTokens::new(Some(&secret.into()))
    }

    #[test]
    fn a_token_is_valid_for_its_secret_database_and_time_only() {
        let end = DateTime::UNIX_EPOCH + TimeDelta::hours(24);
        let token = tokens(SECRET).issue("database", end).unwrap();
        let parsed = SetupToken::parse(&token).unwrap();
        let last = end - TimeDelta::seconds(1);
        assert!(tokens(SECRET).is_valid(&parsed, "database", last));
        assert!(!tokens(SECRET).is_valid(&parsed, "database", end));
        assert!(!tokens(SECRET).is_valid(&parsed, "another database", last));
        assert!(!tokens("another secret of at least 32 bytes").is_valid(&parsed, "database", last));
        assert!(!SetupTokens::new(None).is_valid(&parsed, "database", last));
        assert!(SetupTokens::new(None).issue("database", end).is_none());
        let later = SetupToken { expires_at: parsed.expires_at + 1, ..parsed };
        assert!(!tokens(SECRET).is_valid(&later, "database", last), "the time can be changed");
    }

    #[test]
    fn a_changed_token_is_invalid() {
        let end = DateTime::UNIX_EPOCH + TimeDelta::hours(24);
        let token = tokens(SECRET).issue("database", end).unwrap().expose_secret().to_owned();
        assert_eq!(token.len(), 32);
        for position in 0..token.len() {
            let letter = if token[position..].starts_with('A') { "B" } else { "A" };
            let mut changed = token.clone();
            changed.replace_range(position..=position, letter);
            let parsed = SetupToken::parse(&changed.into());
            let is_valid = |token| tokens(SECRET).is_valid(token, "database", DateTime::UNIX_EPOCH);
            assert!(!parsed.as_ref().is_some_and(is_valid), "{position}");
        }
        for text in ["", "x", &token[1..], &format!("{token}AAAA")] {
            assert!(SetupToken::parse(&SecretString::from(text)).is_none(), "{text}");
        }
    }
}
