use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::Serialize;
use serde_json::{Value, json};
use shared_claims::Algorithm;

/// A private key or secret, parsed once.
///
/// `jsonwebtoken::encode` parses the key again for each signature. With ES256 that takes 27 µs instead of 17 µs, which adds
/// 12 % to the instructions of a refresh (`scripts/bench.sh signatures`). With RS256 a signature takes twice as long.
pub enum Signer {
    Es256(EcdsaKeyPair),
    /// RSA with PKCS#1 v1.5 padding.
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Hs256(Box<hmac::Key>),
}

/// Holds a token without custom claims.
const TOKEN_CAPACITY: usize = 1024;

/// There is no key, or the cryptographic library rejects it.
#[derive(Debug, thiserror::Error)]
#[error("there is no usable key to sign with")]
pub struct UnusableKey;

impl From<Unspecified> for UnusableKey {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

/// A new private key as PKCS#8. HS256 has no key pair: its secret comes from the settings.
pub fn generate(algorithm: Algorithm) -> Result<Vec<u8>, UnusableKey> {
    let random = SystemRandom::new();
    match algorithm {
        Algorithm::Es256 => {
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?;
            Ok(document.as_ref().to_vec())
        }
        // 3072 bits have 128 bits of strength (NIST SP 800-57), like the other algorithms.
        Algorithm::Rs256 => Ok(AsDer::as_der(&RsaKeyPair::generate(KeySize::Rsa3072)?)?.as_ref().to_vec()),
        Algorithm::EdDsa => Ok(Ed25519KeyPair::generate_pkcs8v1(&random)?.as_ref().to_vec()),
        Algorithm::Hs256 => Err(UnusableKey),
    }
}

impl Signer {
    /// Parses a key made by [`generate`].
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, UnusableKey> {
        match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(Self::Es256)
            }
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).map(Self::Rs256),
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(Self::EdDsa),
            Algorithm::Hs256 => return Err(UnusableKey),
        }
        .map_err(|_| UnusableKey)
    }

    /// HMAC with a shared secret.
    pub fn from_secret(secret: &[u8]) -> Self {
        Self::Hs256(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Es256(_) => Algorithm::Es256,
            Self::Rs256(_) => Algorithm::Rs256,
            Self::EdDsa(_) => Algorithm::EdDsa,
            Self::Hs256(_) => Algorithm::Hs256,
        }
    }

    /// The public key as a JWK (RFC 7517), without `kid`. `None` for a secret.
    pub fn public_jwk(&self) -> Option<Value> {
        match self {
            Self::Es256(pair) => {
                // An uncompressed point: 04, then x and y (SEC 1 §2.3.3).
                let (x, y) = pair.public_key().as_ref().get(1..)?.split_at(32);
                Some(
                    json!({"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y), "alg": "ES256", "use": "sig"}),
                )
            }
            Self::Rs256(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                Some(
                    json!({"kty": "RSA", "n": base64url(n), "e": base64url(e), "alg": "RS256", "use": "sig"}),
                )
            }
            Self::EdDsa(pair) => {
                let x = base64url(pair.public_key().as_ref());
                Some(json!({"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "use": "sig"}))
            }
            Self::Hs256(_) => None,
        }
    }

    /// The encoded header of this key's tokens, for [`Self::sign`]. It is always the same: encode it once.
    pub fn header(&self, typ: &str, kid: &str) -> String {
        base64url(json!({"alg": self.algorithm().as_str(), "typ": typ, "kid": kid}).to_string().as_bytes())
    }

    /// A JWS in compact form (RFC 7515 §7.1).
    pub fn sign(&self, header: &str, claims: &impl Serialize) -> Result<String, UnusableKey> {
        let claims = serde_json::to_vec(claims).map_err(|_| UnusableKey)?;
        let mut token = String::with_capacity(TOKEN_CAPACITY);
        token.push_str(header);
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(&claims, &mut token);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Ok(token)
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, UnusableKey> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            Self::EdDsa(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
            Self::Hs256(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}

fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::keys::Signer;

    #[test]
    fn a_token_has_the_three_parts_of_rfc_7515() {
        let signer = Signer::from_secret(b"secret of 32 bytes, for the test");
        let header = signer.header("at+jwt", "k1");
        let token = signer.sign(&header, &json!({"sub": "ada"})).unwrap();
        let parts = [
            "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiYXQrand0In0",
            "eyJzdWIiOiJhZGEifQ",
            "IXz9bxpqVkEeMSPfgouK1m67P--tAp8MwyElDDMkIgI",
        ];
        assert_eq!(token, parts.join("."));
    }
}
