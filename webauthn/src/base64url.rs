use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// At most `MAX` bytes, in JSON as base64url without padding. Other alphabets, padding and leftover bits are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64Url<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Base64Url<MAX> {
    /// The bytes, unless they are longer than `MAX`.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= MAX).then(|| Self(bytes.to_vec()))
    }

    /// An array of exactly the maximum.
    #[must_use]
    pub fn fixed(bytes: &[u8; MAX]) -> Self {
        Self(bytes.to_vec())
    }

    /// Decodes the text of a JSON member.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Checks the length first, so that a long text is not decoded.
        (text.len() <= MAX.div_ceil(3) * 4)
            .then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok())?
            .and_then(|bytes| Self::new(&bytes))
    }

    /// The decoded bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Base64Url<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format_args!("not base64url without padding of at most {MAX} bytes"))
        })
    }
}

impl<const MAX: usize> Serialize for Base64Url<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(&self.0))
    }
}
