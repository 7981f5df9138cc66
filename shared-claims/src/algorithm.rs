//! The signature algorithms that Latchkey knows.

use std::fmt;
use std::str::FromStr;

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1). There is no `none`: what cannot be named cannot be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256; the default.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// Ed25519, under the name that consumers know: `EdDSA`.
    EdDsa,
    /// HMAC with SHA-256. Whoever verifies it can sign it.
    Hs256,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: &[Self] = &[Self::Es256, Self::Rs256, Self::EdDsa, Self::Hs256];

    /// The algorithms whose verifier cannot sign.
    pub const ASYMMETRIC: &[Self] = &[Self::Es256, Self::Rs256, Self::EdDsa];

    /// The name in a JWS header, in its only spelling: names are case-sensitive (RFC 7515 §4.1.1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    pub(crate) const fn for_signatures(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no algorithm of [`Algorithm::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such algorithm: ES256, RS256, EdDSA and HS256 are known")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.as_str() == name).ok_or(UnknownAlgorithm)
    }
}
