//! How strongly a user authenticated.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The claim `acr` (RFC 9068 §2.2.1): how strong the login of the session was. Ordered, the weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "&'static str")]
pub enum Acr {
    /// `1fa`: one factor, such as a password. A token without the claim, or with another text, counts as this.
    #[default]
    OneFactor,
    /// `mfa`: two factors.
    Mfa,
    /// `phr`: a factor that no phishing site can relay, such as a passkey.
    PhishingResistant,
}

impl Acr {
    /// Every value, the weakest first.
    pub const ALL: &[Self] = &[Self::OneFactor, Self::Mfa, Self::PhishingResistant];

    /// The value in a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneFactor => "1fa",
            Self::Mfa => "mfa",
            Self::PhishingResistant => "phr",
        }
    }
}

/// For tokens, where an unknown text counts as the weakest login.
impl From<String> for Acr {
    fn from(text: String) -> Self {
        text.parse().unwrap_or_default()
    }
}

impl From<Acr> for &'static str {
    fn from(acr: Acr) -> Self {
        acr.as_str()
    }
}

impl fmt::Display for Acr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a value in [`Acr::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown acr: use 1fa, mfa or phr")]
pub struct UnknownAcr;

/// For requirements, which must be exact.
impl FromStr for Acr {
    type Err = UnknownAcr;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|acr| acr.as_str() == text).ok_or(UnknownAcr)
    }
}
