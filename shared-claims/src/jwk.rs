//! One public key from a JWK Set (RFC 7517 §4). `jsonwebtoken` reads it; which keys are usable is decided here, because
//! `DecodingKey::from_jwk` ignores `use`, `key_ops`, `alg`, the curve and the size of an RSA key.

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    VerificationAlgorithm,
};
use jsonwebtoken::jwk::{Jwk, KeyOperations, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};
use serde::Deserialize as _;
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::weak_modulus;

/// Shorter RSA keys are too weak (RFC 7518 §3.3, RFC 8725 §3.5).
const MIN_RSA_BITS: usize = 2048;
/// Longer RSA keys make each verification expensive enough for a denial of service.
const MAX_RSA_BITS: usize = 8192;
/// The limit of other libraries. Exponents in use are 65537.
const MAX_EXPONENT_BYTES: usize = 4;
/// 32 bytes in base64url. Leading zeros of a coordinate are significant (RFC 7518 §6.2.1.2).
const COORDINATE_CHARS: usize = 43;

/// One key and the one algorithm that it is for.
pub(crate) struct Key {
    pub id: Option<String>,
    pub algorithm: Algorithm,
    pub decoding: DecodingKey,
    pub fingerprint: Fingerprint,
}

/// SHA-256 of a key with its id and its algorithm. Two keys under the same id have different fingerprints.
pub(crate) type Fingerprint = [u8; 32];

impl Key {
    pub fn new(id: Option<String>, algorithm: Algorithm, decoding: DecodingKey) -> Self {
        let (material, exponent) = match decoding.kind() {
            DecodingKeyKind::SecretOrDer(bytes) => (bytes.as_slice(), [].as_slice()),
            DecodingKeyKind::RsaModulusExponent { n, e } => (n.as_slice(), e.as_slice()),
        };
        let mut hash = digest::Context::new(&SHA256);
        for part in
            [algorithm.as_str().as_bytes(), id.as_deref().unwrap_or("").as_bytes(), material, exponent]
        {
            // The length keeps the parts apart.
            hash.update(&part.len().to_be_bytes());
            hash.update(part);
        }
        let mut fingerprint = Fingerprint::default();
        fingerprint.copy_from_slice(hash.finish().as_ref());
        Self { id, algorithm, decoding, fingerprint }
    }
}

/// The key in this JWK, or `None` if it is not usable: another type, curve, use or algorithm, too short, weak, not
/// on its curve, or published with its private half.
pub(crate) fn usable_key(members: &Value) -> Option<Key> {
    let is_null = |name: &str| members.get(name).is_some_and(Value::is_null);
    if members.get("d").is_some() || ["kid", "use", "key_ops", "alg"].into_iter().any(is_null) {
        return None;
    }
    let jwk = Jwk::deserialize(members).ok()?;
    let read = DecodingKey::from_jwk(&jwk).ok()?;
    let (algorithm, decoding) = match read.family() {
        AlgorithmFamily::Ec if members["crv"] == "P-256" => {
            (Algorithm::Es256, point(read, &members["x"], &ECDSA_P256_SHA256_FIXED)?)
        }
        AlgorithmFamily::Ed if members["crv"] == "Ed25519" => {
            (Algorithm::EdDsa, point(read, &members["x"], &ED25519)?)
        }
        AlgorithmFamily::Rsa => (Algorithm::Rs256, rsa(&read)?),
        // A published shared secret (`oct`) is not secret.
        AlgorithmFamily::Ec | AlgorithmFamily::Ed | AlgorithmFamily::Hmac => return None,
    };
    let common = jwk.common;
    let is_for_signatures = common.public_key_use.is_none_or(|usage| usage == PublicKeyUse::Signature);
    let may_verify = common.key_operations.is_none_or(|all| all.contains(&KeyOperations::Verify));
    let alg_fits = common.key_algorithm.is_none_or(|alg| alg == algorithm.for_signatures().into());
    let is_usable = is_for_signatures && may_verify && alg_fits && common.key_id.as_deref() != Some("");
    is_usable.then(|| Key::new(common.key_id, algorithm, decoding))
}

/// The key, unless its `x` has another length or its point is not on the curve (RFC 8725 §3.4).
fn point(key: DecodingKey, x: &Value, curve: &'static dyn VerificationAlgorithm) -> Option<DecodingKey> {
    // `from_jwk` ignores the lengths of x and y, and aws-lc accepts DER in place of an Ed25519 key.
    if x.as_str()?.len() != COORDINATE_CHARS {
        return None;
    }
    ParsedPublicKey::new(curve, key.try_get_as_bytes().ok()?).ok()?;
    Some(key)
}

fn rsa(key: &DecodingKey) -> Option<DecodingKey> {
    let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else { return None };
    let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
    let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
    // With e = 1 every message is its own signature. A long e makes each verification expensive.
    let exponent_fits = e.last()? % 2 == 1 && e != [1] && e.len() <= MAX_EXPONENT_BYTES;
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) || !exponent_fits {
        return None;
    }
    if weak_modulus::has_small_factor(n) || weak_modulus::has_roca_shape(n) {
        return None;
    }
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()?;
    Some(DecodingKey::from_rsa_raw_components(n, e))
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// The RFC 7638 thumbprint (SHA-256, base64url) of an EC, RSA or OKP public key. `None` for anything else.
#[must_use]
pub fn thumbprint(jwk: &Value) -> Option<String> {
    let public = jwk.get("kty").is_some_and(|kty| kty != "oct").then_some(jwk)?;
    thumbprint_of(&Jwk::deserialize(public).ok()?)
}

/// The RFC 7638 thumbprint of a shared secret, as its `kid`. It reveals nothing about a random secret of 32 bytes or
/// more; RFC 7638 §7 warns of shorter ones.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "every shared secret has a thumbprint")]
pub fn secret_key_id(secret: &[u8]) -> String {
    let key = DecodingKey::from_secret(secret);
    Jwk::from_decoding_key(&key, None).ok().and_then(|jwk| thumbprint_of(&jwk)).expect("a thumbprint")
}

fn thumbprint_of(jwk: &Jwk) -> Option<String> {
    use_aws_lc();
    jwk.thumbprint(ThumbprintHash::SHA256).ok()
}

/// Selects aws-lc as jsonwebtoken's cryptographic back end. Without a selection it panics in a program whose features
/// enable two back ends.
pub(crate) fn use_aws_lc() {
    // An error means that the program has selected a back end itself.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}
