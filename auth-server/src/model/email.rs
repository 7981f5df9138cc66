use std::fmt;
use std::net::IpAddr;

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
            [b'[', ..] => address_literal(domain).ok_or(InvalidEmail)?,
            _ => idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail)?,
        };
        let local = without_needless_quotes(local, &domain);
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

/// `"ann"@` and `ann@` are the same mailbox (RFC 5321 §4.1.2). Quotation marks remain where the text requires them.
fn without_needless_quotes(local: String, domain: &str) -> String {
    let Some(quoted) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return local };
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        text.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    if !text.starts_with('"') && Address::new(text.as_str(), domain).is_ok() {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// An IP address in brackets, in its one canonical form (RFC 5321 §4.1.3).
fn address_literal(domain: &str) -> Option<String> {
    let literal = domain.strip_prefix('[')?.strip_suffix(']')?.to_ascii_lowercase();
    match literal.strip_prefix("ipv6:").unwrap_or(&literal).parse().ok()? {
        IpAddr::V4(address) => Some(format!("[{address}]")),
        IpAddr::V6(address) => Some(format!("[ipv6:{address}]")),
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
            ("ann@[IPv6:2001:DB8:0::1]", "ann@[ipv6:2001:db8::1]"),
            ("ann@[2001:db8::1]", "ann@[ipv6:2001:db8::1]"),
            ("\"ann\"@example.org", "ann@example.org"),
            ("\"a\\n.n\"@example.org", "an.n@example.org"),
            ("\"a\\ n\"@example.org", "\"a n\"@example.org"),
            ("\"a\\\"n\"@example.org", "\"a\\\"n\"@example.org"),
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
