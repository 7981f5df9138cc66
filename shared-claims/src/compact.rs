//! Parses the JWS compact form strictly (RFC 7515 §7.1) and applies the header rules.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::error::TokenError;
use crate::strict_json::{self, StrictJsonError};

/// The maximum length of a token in bytes. The cost of validation grows with the length.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The parts of a token. Nothing in it is verified yet.
pub(crate) struct Compact<'a> {
    pub header: Header,
    pub signing_input: &'a str,
    pub signature: &'a str,
    payload: &'a str,
}

/// The header members that are used. `jku`, `x5u`, `jwk` and `x5c` are never read: a token must not choose its own key
/// (RFC 8725 §3.10).
pub(crate) struct Header {
    pub algorithm: Algorithm,
    pub key_id: Option<String>,
    pub typ: Option<String>,
}

impl<'a> Compact<'a> {
    pub fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        // Without an early exit, the compiler checks many bytes at a time.
        if !token.bytes().fold(true, |all, byte| all & (byte == b'.' || is_base64url(byte))) {
            return Err(TokenError::NotBase64Url);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(TokenError::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(TokenError::NotCompact)?;
        if payload.contains('.') {
            return Err(TokenError::NotCompact);
        }
        decode(signature)?;
        Ok(Self { header: Header::parse(&decode(header)?)?, signing_input, signature, payload })
    }

    /// The payload. Call this only after the signature is verified.
    pub fn into_payload(self) -> Result<Vec<u8>, TokenError> {
        decode(self.payload)
    }
}

impl Header {
    fn parse(json: &[u8]) -> Result<Self, TokenError> {
        let mut members = strict_json::object(json).map_err(|error| match error {
            StrictJsonError::DuplicateMember(_) => TokenError::DuplicateMember,
            StrictJsonError::Syntax | StrictJsonError::Data(_) => TokenError::MalformedHeader,
        })?;
        if members.contains_key("crit") {
            return Err(TokenError::CriticalHeader);
        }
        let algorithm = text(&mut members, "alg")?.ok_or(TokenError::MalformedHeader)?;
        Ok(Self {
            algorithm: algorithm.parse().map_err(|_| TokenError::UnknownAlgorithm)?,
            key_id: text(&mut members, "kid")?,
            typ: text(&mut members, "typ")?,
        })
    }

    /// Whether `typ` equals `expected`, in any case, with or without `application/` (RFC 7515 §4.1.9, RFC 9068 §4).
    pub fn has_typ(&self, expected: &str) -> bool {
        const PREFIX: &str = "application/";
        self.typ.as_deref().is_some_and(|typ| {
            let bare = match typ.get(..PREFIX.len()) {
                Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &typ[PREFIX.len()..],
                _ => typ,
            };
            bare.eq_ignore_ascii_case(expected)
        })
    }
}

fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, TokenError> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenError::MalformedHeader),
    }
}

/// Rejects padding and leftover bits, so that a token has exactly one spelling.
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::NotBase64Url)
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}
