use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use secrecy::{ExposeSecret, SecretString};

/// Random bytes as base64url without padding.
pub fn random_text<const BYTES: usize>() -> SecretString {
    let mut bytes = [0_u8; BYTES];
    aws_lc_rs::rand::fill(&mut bytes).expect("a working random number generator");
    BASE64_URL_SAFE_NO_PAD.encode(bytes).into()
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// A key for one use, named by `info` (HKDF, RFC 5869).
pub fn derive_secret(secret: &SecretString, info: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let key = Salt::new(HKDF_SHA256, b"latchkey").extract(secret.expose_secret().as_bytes());
    key.expand(&[info], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out))
        .expect("HKDF-SHA256 outputs up to 8160 bytes");
    out
}
