use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use shared_claims::{
    Audience, Clock, KeySet, RefreshClaims, RefreshTokenValidator, TokenError, secret_key_id,
};
use uuid::Uuid;

use crate::domain::keys::{Signer, UnusableKey};
use crate::model::{Generation, Session, SessionId, UserId, random_text, sha256};

/// 128 bits: nobody guesses it.
const CSRF_TOKEN_BYTES: usize = 16;

/// Signs and reads refresh tokens.
pub struct RefreshTokens {
    issuer: String,
    kid: String,
    signer: Signer,
    validator: RefreshTokenValidator,
}

/// A refresh token whose signature, type, audience and time are right. Whether it is spent, only the row can tell.
#[derive(Clone)]
pub struct RefreshToken {
    /// `sid`
    pub session: SessionId,
    /// `sub`. Whose session it is, the row says; this is for when there is none.
    pub user: Option<UserId>,
    /// `gen`
    pub generation: Generation,
    /// SHA-256 of `sk`.
    pub secret_hash: [u8; 32],
    /// `iat`
    pub issued_at: DateTime<Utc>,
    secret: SessionSecret,
}

/// The `sk` of a session: 128 random bits, in its tokens and nowhere else.
#[derive(Clone)]
pub struct SessionSecret(SecretString);

impl SessionSecret {
    /// A new one.
    pub fn random() -> Self {
        Self(random_text::<16>())
    }

    /// What other sites cannot repeat, for a session whose tokens travel in cookies. The same for all its access tokens: tabs
    /// that refresh at once get different ones, of which the browser keeps the last to arrive, and whatever a tab has heard
    /// fits that too. Who reads it learns nothing of the secret; who reads the database, nothing of either.
    pub fn csrf_token(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret().as_bytes());
        let tag = hmac::sign(&key, b"latchkey: CSRF token");
        BASE64_URL_SAFE_NO_PAD.encode(&tag.as_ref()[..CSRF_TOKEN_BYTES])
    }

    /// What the database keeps. A plain hash will do: 128 random bits cannot be guessed.
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.0.expose_secret().as_bytes())
    }
}

impl RefreshTokens {
    /// Signs with `secret`; accepts what any of `accepted` signed too.
    #[must_use]
    pub fn new(
        issuer: &str,
        secret: &SecretString,
        accepted: &[SecretString],
        clock: Arc<dyn Clock>,
    ) -> Self {
        let secret = secret.expose_secret().as_bytes();
        let accepted = accepted.iter().map(|secret| secret.expose_secret().as_bytes());
        let keys = KeySet::from_secrets(std::iter::once(secret).chain(accepted));
        Self {
            issuer: issuer.to_owned(),
            kid: secret_key_id(secret),
            signer: Signer::from_secret(secret),
            validator: RefreshTokenValidator::new(issuer, keys, clock),
        }
    }

    /// Reads a token. Costs no database access.
    ///
    /// # Errors
    /// Forged, foreign, malformed or expired.
    pub fn read(&self, token: &SecretString) -> Result<RefreshToken, TokenError> {
        self.validator.validate(token.expose_secret()).and_then(RefreshToken::try_from)
    }

    /// Reads a token, expired or not: for logout.
    ///
    /// # Errors
    /// Forged, foreign or malformed.
    pub fn read_even_expired(&self, token: &SecretString) -> Result<RefreshToken, TokenError> {
        self.validator.validate_expired(token.expose_secret()).and_then(RefreshToken::try_from)
    }

    /// The token of the session's present generation.
    pub fn issue(
        &self,
        session: &Session,
        secret: &SessionSecret,
        now: DateTime<Utc>,
    ) -> Result<SecretString, UnusableKey> {
        let claims = RefreshClaims {
            iss: self.issuer.clone(),
            aud: Audience::One(self.issuer.clone()),
            sub: session.user_id.to_string(),
            sid: session.id.to_string(),
            generation: session.generation.get(),
            sk: secret.0.expose_secret().to_owned(),
            jti: Uuid::new_v4().to_string(),
            token_type: shared_claims::claims::REFRESH.to_owned(),
            iat: now.timestamp(),
            exp: session.expires_at.timestamp(),
        };
        self.signer.sign("rt+jwt", &self.kid, &claims).map(SecretString::from)
    }
}

impl RefreshToken {
    pub fn secret(&self) -> &SessionSecret {
        &self.secret
    }
}

impl TryFrom<RefreshClaims> for RefreshToken {
    type Error = TokenError;

    fn try_from(claims: RefreshClaims) -> Result<Self, TokenError> {
        let secret = SessionSecret(claims.sk.into());
        Ok(Self {
            session: claims.sid.parse().map_err(|_| TokenError::MistypedClaim("sid"))?,
            user: claims.sub.parse().ok(),
            generation: Generation::new(claims.generation).ok_or(TokenError::MistypedClaim("gen"))?,
            secret_hash: secret.hash(),
            issued_at: DateTime::from_timestamp(claims.iat, 0).ok_or(TokenError::MistypedClaim("iat"))?,
            secret,
        })
    }
}
