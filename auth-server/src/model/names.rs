use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest username and display name, in characters.
const MAX_CHARS: usize = 64;
/// Longest role.
const MAX_ROLE_CHARS: usize = 32;

/// Why a name was refused, worded for the person who typed it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// More than 64 characters.
    #[error("must be at most 64 characters long")]
    TooLong,
    /// NUL and other control characters: no database or terminal is to meet them.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// A username that could be taken for an e-mail address, or cannot be told from another.
    #[error("may contain only letters, digits, '.', '_' and '-'")]
    NotAUsername,
}

/// How a person wants to be greeted: not blank, and without control characters.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = String, max_length = 64, example = "Ann",
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000][^\u0000-\u001f\u007f-\u009f]*$",
)]
pub struct DisplayName(String);

/// A name to log in with, unique without regard to case. Blanks around it do not count.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = String,
    pattern = r"^[ \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[A-Za-z0-9._-]{1,64}[ \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$",
)]
pub struct Username(String);

/// A role, as resource servers ask for it: 1 to 32 of `[a-z0-9_-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Role(String);

/// The text is not a role.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_ROLE_CHARS} characters of a-z, 0-9, '_' and '-'")]
pub struct InvalidRole;

impl DisplayName {
    /// Trims, then checks.
    ///
    /// # Errors
    /// See [`InvalidName`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        trimmed(text).map(|name| Self(name.to_owned()))
    }

    /// What the database gave back.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Username {
    /// Trims, checks, then lowers. An `@` is refused, so that a username is never somebody's e-mail address.
    ///
    /// # Errors
    /// See [`InvalidName`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let name = trimmed(text)?;
        // Before it is lowered: the lower case of some letters that are not ASCII is.
        if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
            Ok(Self(name.to_ascii_lowercase()))
        } else {
            Err(InvalidName::NotAUsername)
        }
    }

    /// What the database gave back.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The name, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Role {
    /// The only way in for a role that an operator typed.
    ///
    /// # Errors
    /// [`InvalidRole`]
    pub fn parse(text: &str) -> Result<Self, InvalidRole> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if (1..=MAX_ROLE_CHARS).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRole)
        }
    }

    /// The role that may call `/admin`.
    #[must_use]
    pub fn admin() -> Self {
        Self("admin".to_owned())
    }

    /// The role's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn trimmed(text: &str) -> Result<&str, InvalidName> {
    // At its ends, too: blanks come from keyboards, control characters do not.
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
    fn a_username_is_never_an_address() {
        assert_eq!(Username::parse("ann@example.org"), Err(InvalidName::NotAUsername));
        assert_eq!(Username::parse(" Ann-1 ").unwrap().as_str(), "ann-1");
        // U+212A, the sign for Kelvin, is another letter whose lower case is k.
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
