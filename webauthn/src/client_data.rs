//! Client data: what the browser says about the ceremony (WebAuthn Level 3 §5.8.1).

use aws_lc_rs::digest::{SHA256, digest};
use serde::de::{Deserialize, Deserializer, IgnoredAny};

use crate::base64url::Base64Url;
use crate::error::Error;
use crate::relying_party::RelyingParty;

/// The longest challenge. Ours have [`CHALLENGE_BYTES`](crate::CHALLENGE_BYTES).
const MAX_CHALLENGE_BYTES: usize = 1024;

pub(crate) const CREATE: &str = "webauthn.create";
pub(crate) const GET: &str = "webauthn.get";

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: Base64Url<MAX_CHALLENGE_BYTES>,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    #[serde(default, deserialize_with = "is_present")]
    top_origin: bool,
}

/// Client data that passed every check.
pub(crate) struct CheckedClientData {
    pub challenge: Vec<u8>,
    /// SHA-256, which the authenticator signed.
    pub hash: [u8; 32],
}

/// Checks type, origin, frame and challenge. `is_ours` decides about the challenge.
pub(crate) fn check(
    json: &[u8],
    kind: &str,
    relying_party: &RelyingParty,
    is_ours: impl FnOnce(&[u8]) -> Result<(), Error>,
) -> Result<CheckedClientData, Error> {
    let text = std::str::from_utf8(json).map_err(|_| Error::MalformedClientData)?;
    let data: ClientData = serde_json::from_str(text).map_err(|_| Error::MalformedClientData)?;
    if data.r#type != kind {
        return Err(Error::WrongType);
    }
    if data.cross_origin || data.top_origin {
        return Err(Error::CrossOrigin);
    }
    if !relying_party.origins.contains(&data.origin) {
        return Err(Error::OriginNotAllowed);
    }
    is_ours(data.challenge.as_bytes())?;
    Ok(CheckedClientData { challenge: data.challenge.as_bytes().to_vec(), hash: sha256(json) })
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Any value counts, `null` included.
fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|IgnoredAny| true)
}
