use std::fmt;

use lettre::Address;
use utoipa::ToSchema;

/// Longest address that a mail server must accept (RFC 5321 §4.5.3.1.3, without the angle brackets).
const MAX_BYTES: usize = 254;

/// An e-mail address, trimmed and in lower case.
///
/// The local part is in lower case too. RFC 5321 allows servers to distinguish `Ann@` from `ann@`, but providers do not.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = "email", max_length = 254, example = "ann@example.org")]
pub struct Email(String);

/// API users see this message.
#[derive(Debug, thiserror::Error)]
#[error("is not an e-mail address")]
pub struct InvalidEmail;

impl Email {
    /// Accepts deliverable addresses of at most 254 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let normal = text.trim().to_lowercase();
        if normal.len() > MAX_BYTES || normal.chars().any(char::is_control) {
            return Err(InvalidEmail);
        }
        let address: Address = normal.parse().map_err(|_| InvalidEmail)?;
        Ok(Self(address.to_string()))
    }

    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

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
    fn an_address_is_trimmed_and_converted_to_lower_case() {
        assert_eq!(Email::parse("  Ann.O'Neil@Example.ORG ").unwrap().as_str(), "ann.o'neil@example.org");
    }

    #[test]
    fn invalid_addresses_are_rejected() {
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
