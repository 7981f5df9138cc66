//! Verifies signatures: the first step of every validation.

use crate::algorithm::Algorithm;
use crate::compact::Compact;
use crate::error::TokenError;
use crate::jwk::{self, Key};
use crate::key_set::KeySet;

/// Verifies a JWS in compact form and returns its payload, which can be any bytes.
///
/// The algorithm must be in `allowed` and match the key that `kid` names. A token without `kid` is accepted only if the
/// set has exactly one key. `typ` and the claims are not checked here; the validators check them and require a `kid`.
///
/// # Errors
/// The [`TokenError`] of the first broken rule.
pub fn verify_signature(compact: &str, keys: &KeySet, allowed: &[Algorithm]) -> Result<Vec<u8>, TokenError> {
    verify(Compact::parse(compact)?, keys, allowed).map(|(payload, _)| payload)
}

/// The payload, and the key that verified it.
pub(crate) fn verify<'k>(
    token: Compact<'_>,
    keys: &'k KeySet,
    allowed: &[Algorithm],
) -> Result<(Vec<u8>, &'k Key), TokenError> {
    let algorithm = token.header.algorithm;
    if !allowed.contains(&algorithm) {
        return Err(TokenError::AlgorithmNotAllowed);
    }
    let key = keys.pick(token.header.key_id.as_deref())?;
    // Otherwise an RSA public key would serve as an HMAC secret (RFC 8725 §2.1, CVE-2016-5431).
    if key.algorithm != algorithm {
        return Err(TokenError::AlgorithmMismatch);
    }
    jwk::use_aws_lc();
    let is_valid = jsonwebtoken::crypto::verify(
        token.signature,
        token.signing_input.as_bytes(),
        &key.decoding,
        algorithm.for_signatures(),
    );
    // An error of the library counts as an invalid signature.
    if !is_valid.unwrap_or(false) {
        return Err(TokenError::BadSignature);
    }
    Ok((token.into_payload()?, key))
}
