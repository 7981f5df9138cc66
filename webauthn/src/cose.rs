//! Public keys of credentials, as COSE keys (RFC 9053, RFC 8230).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

use crate::cbor::{self, Value};
use crate::error::Error;

/// The labels of a COSE key.
const KTY: i128 = 1;
const ALG: i128 = 3;

/// The algorithms of accepted credentials, in the order in which options offer them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, for TPMs of older Windows devices.
    Rs256,
}

impl Algorithm {
    /// All algorithms, the preferred first.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// The number in the COSE registry.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::EdDsa => -8,
            Self::Es256 => -7,
            Self::Rs256 => -257,
        }
    }

    fn of_number(number: i128) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| i128::from(algorithm.number()) == number)
    }
}

/// A public key that can verify signatures.
#[derive(Debug)]
pub struct PublicKey {
    /// The only algorithm that the key is used with.
    pub algorithm: Algorithm,
    key: ParsedPublicKey,
}

impl PublicKey {
    /// Reads a COSE key, which must have exactly the members of its type, `alg` included (WebAuthn Level 3 §6.5.1).
    ///
    /// # Errors
    /// The algorithm is not supported, the numbers are not a public key, or a member is missing or superfluous.
    pub fn from_cose(bytes: &[u8]) -> Result<Self, Error> {
        let Value::Map(members) = cbor::decode(bytes)? else { return Err(Error::InvalidKey) };
        let member = |label| {
            let found = members.iter().find(|(key, _)| *key == Value::Integer(label));
            found.map(|(_, value)| value).ok_or(Error::InvalidKey)
        };
        let Value::Integer(number) = member(ALG)? else { return Err(Error::InvalidKey) };
        let algorithm = Algorithm::of_number(*number).ok_or(Error::UnsupportedAlgorithm)?;
        let (kty, curve, count) = match algorithm {
            Algorithm::EdDsa => (1, Some(6), 4),
            Algorithm::Es256 => (2, Some(1), 5),
            Algorithm::Rs256 => (3, None, 4),
        };
        let curve_matches = curve.is_none_or(|curve| member(-1) == Ok(&Value::Integer(curve)));
        if *member(KTY)? != Value::Integer(kty) || !curve_matches || members.len() != count {
            return Err(Error::InvalidKey);
        }
        let number = |label| match member(label)? {
            Value::Bytes(bytes) => Ok(*bytes),
            _ => Err(Error::InvalidKey),
        };
        let key = match algorithm {
            Algorithm::EdDsa => ed25519(number(-2)?),
            Algorithm::Es256 => p256(number(-2)?, number(-3)?),
            Algorithm::Rs256 => rsa(number(-1)?, number(-2)?),
        };
        Ok(Self { algorithm, key: key.ok_or(Error::InvalidKey)? })
    }

    /// Verifies a signature.
    ///
    /// # Errors
    /// The signature does not match.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        self.key.verify_sig(message, signature).map_err(|_| Error::BadSignature)
    }
}

fn ed25519(x: &[u8]) -> Option<ParsedPublicKey> {
    // A longer input would be read as X.509.
    let x: &[u8; 32] = x.try_into().ok()?;
    ParsedPublicKey::new(&ED25519, x).ok()
}

fn p256(x: &[u8], y: &[u8]) -> Option<ParsedPublicKey> {
    let (x, y): (&[u8; 32], &[u8; 32]) = (x.try_into().ok()?, y.try_into().ok()?);
    // The uncompressed point. The library refuses points that are not on the curve.
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, [&[4], &x[..], &y[..]].concat()).ok()
}

fn rsa(n: &[u8], e: &[u8]) -> Option<ParsedPublicKey> {
    let bits = n.len() * 8 - usize::try_from(n.first()?.leading_zeros()).ok()?;
    let exponent = e.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let is_shortest = n[0] != 0 && e.first().is_some_and(|first| *first != 0);
    // Every message is its own signature for the exponent 1. The library does not refuse it here.
    let is_exponent = e.len() <= 4 && exponent >= 3 && exponent % 2 == 1;
    // Longer moduli take longer to verify than a request should.
    (is_shortest && is_exponent && (2048..=4096).contains(&bits)).then_some(())?;
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()
}
