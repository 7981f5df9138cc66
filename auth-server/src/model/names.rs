use utoipa::ToSchema;

/// Longest username and display name, in characters.
const MAX_CHARS: usize = 64;

/// Why a name is invalid. API users see the text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    #[error("must not be empty")]
    Empty,
    #[error("must be at most 64 characters long")]
    TooLong,
    /// PostgreSQL cannot store NUL, and terminals interpret the others.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// A username could be mistaken for an e-mail address or for another username.
    #[error("may contain only letters, digits, '.', '_' and '-'")]
    NotAUsername,
}

/// A name to greet the user with: not blank, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = String, max_length = 64, example = "Ann",
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000][^\u0000-\u001f\u007f-\u009f]*$",
)]
pub struct DisplayName(String);

/// A name to log in with. Unique, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = String,
    pattern = r"^[ \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[A-Za-z0-9._-]{1,64}[ \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$",
)]
pub struct Username(String);

impl DisplayName {
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        trimmed(text).map(|name| Self(name.to_owned()))
    }

    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Username {
    /// Rejects `@`, so that a username never equals an e-mail address.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let name = trimmed(text)?;
        // Before the conversion to lower case, which turns some other letters into ASCII.
        if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
            Ok(Self(name.to_ascii_lowercase()))
        } else {
            Err(InvalidName::NotAUsername)
        }
    }

    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn trimmed(text: &str) -> Result<&str, InvalidName> {
    // Before trimming, which would remove some control characters.
    if text.chars().any(char::is_control) {
        return Err(InvalidName::ControlCharacter);
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.chars().count() > MAX_CHARS {
        return Err(InvalidName::TooLong);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use crate::model::names::{DisplayName, InvalidName, Username};

    #[test]
    fn a_username_is_never_an_e_mail_address() {
        assert_eq!(Username::parse("ann@example.org"), Err(InvalidName::NotAUsername));
        assert_eq!(Username::parse(" Ann-1 ").unwrap().as_str(), "ann-1");
        // The lower case of U+212A, the Kelvin sign, is k.
        assert_eq!(Username::parse("\u{212a}im"), Err(InvalidName::NotAUsername));
    }

    #[test]
    fn names_have_limits() {
        assert_eq!(DisplayName::parse("   "), Err(InvalidName::Empty));
        assert_eq!(DisplayName::parse("a\0b"), Err(InvalidName::ControlCharacter));
        assert_eq!(DisplayName::parse("Ann\n"), Err(InvalidName::ControlCharacter));
        assert!(DisplayName::parse(&"ö".repeat(64)).is_ok());
        assert_eq!(DisplayName::parse(&"ö".repeat(65)), Err(InvalidName::TooLong));
    }
}
