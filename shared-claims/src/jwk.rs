//! One public key from a JWK Set (RFC 7517 §4), taken only if it fits our use of it.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value, json};

use crate::algorithm::Algorithm;

/// RSA keys below this can be factored by people with money (RFC 7518 §3.3, RFC 8725 §3.5).
const MIN_RSA_BITS: usize = 2048;
/// Above this a verification costs so much that the key itself is an attack.
const MAX_RSA_BITS: usize = 8192;
/// What other libraries take, too.
const MAX_EXPONENT_BYTES: usize = 4;

/// One key and the one algorithm that it is for.
pub(crate) struct Key {
    pub id: Option<String>,
    pub algorithm: Algorithm,
    pub decoding: DecodingKey,
}

/// The key in `jwk`, or `None` if it is not for us: another type, curve, use or algorithm, too short, not on its
/// curve, or with its private half printed beside it, in which case anybody may have signed with it.
pub(crate) fn usable_key(jwk: &Map<String, Value>) -> Option<Key> {
    if jwk.contains_key("d") || !is_for_verifying(jwk) {
        return None;
    }
    let id = match jwk.get("kid") {
        None => None,
        Some(Value::String(id)) if !id.is_empty() => Some(id.clone()),
        Some(_) => return None,
    };
    let (algorithm, decoding) = match text(jwk, "kty")? {
        "EC" => (Algorithm::Es256, p256(jwk)?),
        "RSA" => (Algorithm::Rs256, rsa(jwk)?),
        "OKP" => (Algorithm::EdDsa, ed25519(jwk)?),
        // `oct` too: a secret that is published is none.
        _ => return None,
    };
    match jwk.get("alg") {
        None => {}
        Some(Value::String(name)) if name == algorithm.as_str() => {}
        Some(_) => return None,
    }
    Some(Key { id, algorithm, decoding })
}

/// `use` and `key_ops`, where they stand, must be meant for verifying (RFC 7517 §4.2, §4.3).
fn is_for_verifying(jwk: &Map<String, Value>) -> bool {
    let used_for_signatures = jwk.get("use").is_none_or(|usage| usage == "sig");
    let may_verify = jwk.get("key_ops").is_none_or(|operations| {
        operations
            .as_array()
            .is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
    });
    used_for_signatures && may_verify
}

fn p256(jwk: &Map<String, Value>) -> Option<DecodingKey> {
    if text(jwk, "crv")? != "P-256" {
        return None;
    }
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    // Full length, leading zeros included (RFC 7518 §6.2.1.2).
    if x.len() != 32 || y.len() != 32 {
        return None;
    }
    let point = [&[0x04], x.as_slice(), y.as_slice()].concat();
    // A point off the curve leaks private keys elsewhere (RFC 8725 §3.4); here it would merely never verify.
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).ok()?;
    Some(DecodingKey::from_ec_der(&point))
}

fn ed25519(jwk: &Map<String, Value>) -> Option<DecodingKey> {
    if text(jwk, "crv")? != "Ed25519" {
        return None;
    }
    let point = bytes(jwk, "x")?;
    if point.len() != 32 {
        return None;
    }
    ParsedPublicKey::new(&ED25519, &point).ok()?;
    Some(DecodingKey::from_ed_der(&point))
}

fn rsa(jwk: &Map<String, Value>) -> Option<DecodingKey> {
    let (modulus, exponent) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    let (n, e) = (without_leading_zeros(&modulus), without_leading_zeros(&exponent));
    let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
    // With e = 1 every message is its own signature; a long e makes each verification an attack. Real ones are 65537.
    let exponent_fits = e.last()? % 2 == 1 && e != [1] && e.len() <= MAX_EXPONENT_BYTES;
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) || !exponent_fits {
        return None;
    }
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()?;
    Some(DecodingKey::from_rsa_raw_components(n, e))
}

/// The RFC 7638 thumbprint (SHA-256, base64url) of a public key of a type we know, or `None`.
#[must_use]
pub fn thumbprint(jwk: &Value) -> Option<String> {
    let member = |name: &str| jwk.get(name).and_then(Value::as_str);
    // serde_json writes members in the order of their names, which is the order that RFC 7638 §3 asks for; they
    // are also given so here, for the case that a feature makes it keep the order of insertion.
    let required = match member("kty")? {
        "EC" => json!({"crv": member("crv")?, "kty": "EC", "x": member("x")?, "y": member("y")?}),
        "OKP" => json!({"crv": member("crv")?, "kty": "OKP", "x": member("x")?}),
        "RSA" => json!({"e": member("e")?, "kty": "RSA", "n": member("n")?}),
        _ => return None,
    };
    Some(digest_of(&required))
}

/// The RFC 7638 thumbprint of a shared secret, which names it without telling it: secrets here are random and of
/// 32 bytes or more (RFC 7638 §7 warns of shorter ones).
#[must_use]
pub fn secret_key_id(secret: &[u8]) -> String {
    digest_of(&json!({"k": URL_SAFE_NO_PAD.encode(secret), "kty": "oct"}))
}

fn digest_of(required: &Value) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, required.to_string().as_bytes()))
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    jwk.get(name).and_then(Value::as_str)
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text(jwk, name)?).ok()
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}
