//! The step before claims: is this a JWS, and did one of these keys sign it?

use crate::algorithm::Algorithm;
use crate::compact::Compact;
use crate::error::TokenError;
use crate::jwk;
use crate::key_set::KeySet;

/// Verifies a JWS in compact form and returns its payload, which may be any bytes.
///
/// The algorithm must be in `allowed` and be that of the key which `kid` names. A token without `kid` is only tried
/// against a set of exactly one key. `typ` and the claims are not looked at; the validators do that, and they
/// demand a `kid`.
///
/// # Errors
/// The [`TokenError`] of the first rule that is broken.
pub fn verify_signature(compact: &str, keys: &KeySet, allowed: &[Algorithm]) -> Result<Vec<u8>, TokenError> {
    verify(Compact::parse(compact)?, keys, allowed)
}

pub(crate) fn verify(
    token: Compact<'_>,
    keys: &KeySet,
    allowed: &[Algorithm],
) -> Result<Vec<u8>, TokenError> {
    let algorithm = token.header.algorithm;
    if !allowed.contains(&algorithm) {
        return Err(TokenError::AlgorithmNotAllowed);
    }
    let key = keys.pick(token.header.key_id.as_deref())?;
    // Without this, an RSA public key would do as an HMAC secret (RFC 8725 §2.1, CVE-2016-5431).
    if key.algorithm != algorithm {
        return Err(TokenError::AlgorithmMismatch);
    }
    jwk::use_aws_lc();
    let genuine = jsonwebtoken::crypto::verify(
        token.signature,
        token.signing_input.as_bytes(),
        &key.decoding,
        algorithm.for_signatures(),
    );
    // An error of the library is a refusal too.
    if !genuine.unwrap_or(false) {
        return Err(TokenError::BadSignature);
    }
    token.into_payload()
}
