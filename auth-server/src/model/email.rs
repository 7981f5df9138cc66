use std::fmt;

use icu_normalizer::ComposingNormalizer;
use lettre::Address;
use utoipa::ToSchema;

use crate::model::characters::is_invisible;

/// Longest address that a mail server must accept (RFC 5321 §4.5.3.1.3, without the angle brackets).
const MAX_BYTES: usize = 254;

/// An e-mail address in the one form that its mailbox has: trimmed, in lower case, the domain in ASCII (IDNA, UTS #46), the
/// local part in NFKC.
///
/// The local part is in lower case too. RFC 5321 allows servers to distinguish `Ann@` from `ann@`, but providers do not.
/// NFKC replaces full-width letters, which East Asian keyboards produce, by the letters that they stand for.
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
        let (local, domain) = text.trim().rsplit_once(['@', '\u{ff20}']).ok_or(InvalidEmail)?;
        let normalizer = ComposingNormalizer::new_nfkc();
        // Twice: a character in lower case may decompose further.
        let local = normalizer.normalize(&normalizer.normalize(local).to_lowercase()).into_owned();
        if local.chars().chain(domain.chars()).any(|c| c.is_control() || is_invisible(c)) {
            return Err(InvalidEmail);
        }
        let domain = match domain.as_bytes() {
            // An IP address in brackets.
            [b'[', ..] => domain.to_lowercase(),
            _ => idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail)?,
        };
        if local.len() + 1 + domain.len() > MAX_BYTES {
            return Err(InvalidEmail);
        }
        let address = Address::new(local, domain).map_err(|_| InvalidEmail)?;
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
    fn a_mailbox_has_one_address() {
        for (typed, stored) in [
            ("ann@münchen.example", "ann@xn--mnchen-3ya.example"),
            ("ann@MU\u{308}NCHEN.example", "ann@xn--mnchen-3ya.example"),
            ("ann@xn--mnchen-3ya.example", "ann@xn--mnchen-3ya.example"),
            ("ann@XN--MNCHEN-3YA.example", "ann@xn--mnchen-3ya.example"),
            ("ann@example\u{3002}org", "ann@example.org"),
            ("ann@ｅｘａｍｐｌｅ．org", "ann@example.org"),
            ("ａｎｎ＠example.org", "ann@example.org"),
            ("jo\u{308}rg@example.org", "jörg@example.org"),
            ("JÖRG@example.org", "jörg@example.org"),
            ("\u{212a}im@example.org", "kim@example.org"),
            ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
        ] {
            assert_eq!(
                Email::parse(typed).map(|email| email.to_string()).ok().as_deref(),
                Some(stored),
                "{typed:?}"
            );
            assert_eq!(Email::parse(stored).unwrap().as_str(), stored);
        }
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
            "ann\u{200b}@example.org",
            "a\u{ad}nn@example.org",
            "ann@exam\u{2060}ple.org",
            "ann@example.org\u{feff}",
            "ann@xn--a.example",
            "ann\u{3000}b@example.org",
            &long,
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }
}
