use utoipa::ToSchema;

use crate::model::characters::{is_blank, is_control, is_invisible, is_joiner};

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
    /// Invisible and bidirectional control characters let a name imitate another or reverse the text around it.
    #[error("must not contain invisible characters")]
    InvisibleCharacter,
    /// A username could be mistaken for an e-mail address or for another username.
    #[error("may contain only the letters a to z, digits, '.', '_' and '-'")]
    NotAUsername,
}

/// A name to greet the user with: something visible, without control characters and invisible characters. Emoji and
/// scripts such as Persian need the joiners, which are allowed.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = String, max_length = 64, example = "Ann",
    pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0d\\ufeff\\uffa0\\ufff0-\\ufff8\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]*[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u0020\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u2800\\u3000\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b\\u200c\\u200d\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufff8\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}][^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0d\\ufeff\\uffa0\\ufff0-\\ufff8\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]*$",
)]
pub struct DisplayName(String);

/// A name to log in with. Unique, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = String,
    pattern = r"^[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]*[A-Za-z0-9._-]{1,64}[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]*$",
)]
pub struct Username(String);

impl DisplayName {
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let name = trimmed(text)?;
        if name.chars().any(|c| is_invisible(c) && !is_joiner(c)) {
            return Err(InvalidName::InvisibleCharacter);
        }
        if name.chars().all(is_blank) {
            return Err(InvalidName::Empty);
        }
        Ok(Self(name.to_owned()))
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
    if text.chars().any(is_control) {
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
        assert_eq!(DisplayName::parse("Ann\u{2028}"), Err(InvalidName::ControlCharacter));
        assert!(DisplayName::parse(&"ö".repeat(64)).is_ok());
        assert_eq!(DisplayName::parse(&"ö".repeat(65)), Err(InvalidName::TooLong));
    }
    #[test]
    fn a_display_name_has_something_visible_and_nothing_invisible() {
        for invisible in [
            "\u{200b}",
            "Ann\u{200b}",
            "A\u{ad}nn",
            "\u{2060}Ann",
            "Ann\u{feff}",
            "\u{202e}nnA",
            "Ann\u{2066}",
            "Ann\u{e0041}",
        ] {
            assert_eq!(DisplayName::parse(invisible), Err(InvalidName::InvisibleCharacter), "{invisible:?}");
        }
        for blank in ["\u{200d}", "\u{2800}", "\u{fe0f} \u{200c}"] {
            assert_eq!(DisplayName::parse(blank), Err(InvalidName::Empty), "{blank:?}");
        }
        for visible in ["Ann ❤\u{fe0f}", "👩\u{200d}🚀", "می\u{200c}خواهم", "ירושלים", "Ann", "…"]
        {
            assert!(DisplayName::parse(visible).is_ok(), "{visible:?}");
        }
    }
}
