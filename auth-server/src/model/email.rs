use std::fmt;

use lettre::Address;
use utoipa::ToSchema;

/// Longest address that a mail server must take (RFC 5321 §4.5.3.1.3, less the angle brackets).
const MAX_BYTES: usize = 254;

/// An e-mail address in the one form in which it is stored and compared: trimmed and in lower case.
///
/// Lower case for the local part too: RFC 5321 lets a server tell `Ann@` from `ann@`, no provider does, and
/// two accounts that a person cannot tell apart are worse.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = "email", max_length = 254, example = "ann@example.org")]
pub struct Email(String);

/// The text is not an e-mail address.
#[derive(Debug, thiserror::Error)]
#[error("is not an e-mail address")]
pub struct InvalidEmail;

impl Email {
    /// The only way in for an address that a person typed.
    ///
    /// # Errors
    /// [`InvalidEmail`] where it cannot be delivered to, or is longer than 254 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let normal = text.trim().to_lowercase();
        if normal.len() > MAX_BYTES || normal.chars().any(char::is_control) {
            return Err(InvalidEmail);
        }
        let address: Address = normal.parse().map_err(|_| InvalidEmail)?;
        Ok(Self(address.to_string()))
    }

    /// What the database gave back: parsed when it was written.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The normalised address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::email::Email;

    #[test]
    fn an_address_is_trimmed_and_lowered() {
        assert_eq!(Email::parse("  Ann.O'Neil@Example.ORG ").unwrap().as_str(), "ann.o'neil@example.org");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(250));
        for text in [
            "",
            "ann",
            "@example.org",
            "ann@",
            "a b@example.org",
            "ann@exa mple.org",
            "a\0@example.org",
            &long,
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }
}
