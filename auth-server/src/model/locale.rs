use std::fmt;
use std::str::FromStr;

/// The language of a mail: a language tag (RFC 5646) in lower case, such as `de` or `pt-br`. Names a folder of templates.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Locale(String);

/// API users see this message.
#[derive(Debug, thiserror::Error)]
#[error("is not a language tag, such as `en` or `pt-BR`")]
pub struct InvalidLocale;

/// The longest tag that RFC 5646 §4.4.1 requires programs to support.
const MAX_BYTES: usize = 35;

impl Locale {
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language without its region: `pt` for `pt-br`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

impl FromStr for Locale {
    type Err = InvalidLocale;

    fn from_str(text: &str) -> Result<Self, InvalidLocale> {
        let text = text.trim();
        let is_alphanumeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_part = |part: &str| (1..=8).contains(&part.len()) && is_alphanumeric(part);
        let language = text.split('-').next().unwrap_or_default();
        let is_language =
            (2..=8).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
        if text.len() > MAX_BYTES || !is_language || !text.split('-').all(is_part) {
            return Err(InvalidLocale);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Locale;

    #[test]
    fn a_language_tag_never_leaves_the_folder_of_templates() {
        for (text, locale) in [("en", "en"), (" pt-BR ", "pt-br"), ("zh-Hant-TW", "zh-hant-tw")] {
            assert_eq!(text.parse::<Locale>().unwrap().as_str(), locale);
        }
        let long = "en-".repeat(12) + "us";
        for text in ["", "e", "..", "en/../..", "en_US", "en-", "-en", "en.", "42", "e\u{301}n", &long] {
            assert!(text.parse::<Locale>().is_err(), "{text}");
        }
    }
}
