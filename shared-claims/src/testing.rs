//! For tests: a clock that tests move, and keys that sign. This is the only code of the crate that can sign. No server
//! enables its feature `testing`.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::acr::Acr;
use crate::algorithm::Algorithm;
use crate::claims::{self, AccessClaims, Audience, RefreshClaims};
use crate::clock::Clock;
use crate::jwk;
use crate::key_set::KeySet;
use crate::refresh_validator::REFRESH_TYP;
use crate::validator::ACCESS_TYP;

/// A clock that stands still until a test moves it. Clones share the time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<Mutex<DateTime<Utc>>>,
}

impl ManualClock {
    /// Starts at 2030-01-01T00:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        Self::at(DateTime::UNIX_EPOCH + TimeDelta::days(60 * 365 + 15))
    }

    /// Starts at `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { now: Arc::new(Mutex::new(now)) }
    }

    /// Moves forward, or back if `by` is negative.
    pub fn advance(&self, by: TimeDelta) {
        *self.time() += by;
    }

    /// Sets the time.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.time() = now;
    }

    fn time(&self) -> std::sync::MutexGuard<'_, DateTime<Utc>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.time()
    }
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A signing key.
pub struct SigningKey {
    algorithm: Algorithm,
    kid: String,
    /// The JWK. A shared secret has none.
    public: Option<Value>,
    key_set: KeySet,
    signature: Sign,
}

impl SigningKey {
    /// Generates a key. RSA keys have 2048 bits, secrets 32 bytes.
    ///
    /// # Panics
    /// If aws-lc fails.
    #[must_use]
    pub fn generate(algorithm: Algorithm) -> Self {
        let random = SystemRandom::new();
        match algorithm {
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a P-256 key");
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)});
                let sign =
                    move |message: &[u8]| pair.sign(&random, message).expect("a signature").as_ref().to_vec();
                Self::asymmetric(algorithm, jwk, sign)
            }
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                let jwk = json!({"kty": "RSA", "n": base64url(&public.n), "e": base64url(&public.e)});
                Self::asymmetric(algorithm, jwk, move |message| {
                    let mut signature = vec![0; pair.public_modulus_len()];
                    pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                    signature
                })
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate().expect("an Ed25519 key");
                let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref())});
                Self::asymmetric(algorithm, jwk, move |message| pair.sign(message).as_ref().to_vec())
            }
            Algorithm::Hs256 => {
                let mut secret = [0; 32];
                rand::fill(&mut secret).expect("randomness");
                Self::from_secret(&secret)
            }
        }
    }

    /// The HS256 key of this secret.
    #[must_use]
    pub fn from_secret(secret: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Self {
            algorithm: Algorithm::Hs256,
            kid: jwk::secret_key_id(secret),
            public: None,
            key_set: KeySet::from_secrets([secret]),
            signature: Box::new(move |message| hmac::sign(&key, message).as_ref().to_vec()),
        }
    }

    fn asymmetric(
        algorithm: Algorithm,
        mut jwk: Value,
        signature: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let kid = jwk::thumbprint(&jwk).expect("a thumbprint");
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(algorithm.as_str());
        let key_set = KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).expect("a key set");
        Self { algorithm, kid, public: Some(jwk), key_set, signature: Box::new(signature) }
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key's algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key as a JWK.
    ///
    /// # Panics
    /// For HS256, which has no public key.
    #[must_use]
    pub fn jwk(&self) -> Value {
        self.public.clone().expect("a shared secret has no public key")
    }

    /// A set with only this key.
    #[must_use]
    pub fn key_set(&self) -> KeySet {
        self.key_set.clone()
    }

    /// The header of an access token of this key.
    #[must_use]
    pub fn access_header(&self) -> Value {
        json!({"alg": self.algorithm.as_str(), "typ": ACCESS_TYP, "kid": self.kid})
    }

    /// The header of a refresh token of this key.
    #[must_use]
    pub fn refresh_header(&self) -> Value {
        json!({"alg": self.algorithm.as_str(), "typ": REFRESH_TYP, "kid": self.kid})
    }

    /// A signed access token.
    #[must_use]
    pub fn access_token<C: Serialize>(&self, claims: &AccessClaims<C>) -> String {
        self.sign(&self.access_header(), claims)
    }

    /// A signed refresh token.
    #[must_use]
    pub fn refresh_token(&self, claims: &RefreshClaims) -> String {
        self.sign(&self.refresh_header(), claims)
    }

    /// A JWS with any header and payload.
    ///
    /// # Panics
    /// If `payload` does not serialise to JSON.
    #[must_use]
    pub fn sign(&self, header: &Value, payload: &impl Serialize) -> String {
        let payload = serde_json::to_vec(payload).expect("JSON");
        self.sign_bytes(header.to_string().as_bytes(), &payload)
    }

    /// A JWS with any bytes as header and payload.
    #[must_use]
    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        let message = format!("{}.{}", base64url(header), base64url(payload));
        let signature = (self.signature)(message.as_bytes());
        format!("{message}.{}", base64url(&signature))
    }
}

/// A JWK Set with these keys.
#[must_use]
pub fn jwk_set(keys: &[&SigningKey]) -> Value {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()})
}

/// Claims of a user named Ada without roles, who has just logged in. Valid for 15 minutes.
#[must_use]
pub fn access_claims(issuer: &str, audience: &str, now: DateTime<Utc>) -> AccessClaims {
    AccessClaims {
        iss: issuer.to_owned(),
        sub: "7c9f1c52-8a3e-4c0e-9a53-2f6c1f0b7d11".to_owned(),
        aud: Audience::One(audience.to_owned()),
        client_id: "web".to_owned(),
        iat: now.timestamp(),
        exp: now.timestamp() + 15 * 60,
        nbf: None,
        jti: "0b8e8a0e-3f57-4a5f-9d0f-6f0c6a3c2b10".to_owned(),
        token_type: claims::ACCESS.to_owned(),
        sid: "f3b2c1d0-5e4f-4a3b-8c2d-1e0f9a8b7c6d".to_owned(),
        uv: 1,
        auth_time: now.timestamp(),
        amr: vec!["pwd".to_owned()],
        acr: Acr::OneFactor,
        roles: Vec::new(),
        name: "Ada".to_owned(),
        csrf: None,
        custom: Map::new(),
    }
}

/// Claims of a refresh token of the same session in generation 1. Valid for 30 days.
#[must_use]
pub fn refresh_claims(issuer: &str, now: DateTime<Utc>) -> RefreshClaims {
    RefreshClaims {
        iss: issuer.to_owned(),
        aud: Audience::One(issuer.to_owned()),
        sub: "7c9f1c52-8a3e-4c0e-9a53-2f6c1f0b7d11".to_owned(),
        sid: "f3b2c1d0-5e4f-4a3b-8c2d-1e0f9a8b7c6d".to_owned(),
        generation: 1,
        sk: base64url(&[7; 16]),
        jti: "5d3a1b2c-9e8f-4d7c-8b6a-0f1e2d3c4b5a".to_owned(),
        token_type: claims::REFRESH.to_owned(),
        auth_time: Some(now.timestamp()),
        amr: None,
        iat: now.timestamp(),
        exp: now.timestamp() + 30 * 24 * 60 * 60,
    }
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
