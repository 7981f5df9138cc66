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
use crate::model::{Amr, Generation, PasswordHash, Session, SessionId, UserId, random_text, sha256};

/// 128 bits cannot be guessed.
const CSRF_TOKEN_BYTES: usize = 16;
const SECRET_BYTES: usize = 16;

pub struct RefreshTokens {
    issuer: String,
    /// The encoded header of every token.
    header: String,
    signer: Signer,
    validator: RefreshTokenValidator,
}

/// A refresh token with a valid signature, type and audience. Only the session's row shows whether it is current.
#[derive(Clone)]
pub struct RefreshToken {
    pub session: SessionId,
    /// `sub`. Only used when the session's row is missing; otherwise the row names the user.
    pub user: Option<UserId>,
    pub generation: Generation,
    pub secret_hash: [u8; 32],
    pub issued_at: DateTime<Utc>,
    /// `auth_time`. Tokens of older servers have none.
    authenticated_at: Option<DateTime<Utc>>,
    amr: Amr,
    secret: SessionSecret,
}

/// The `sk` of a session: 128 random bits that only its tokens contain.
#[derive(Clone)]
pub struct SessionSecret(SecretString);

impl SessionSecret {
    pub fn random() -> Self {
        Self(random_text::<SECRET_BYTES>())
    }

    /// The CSRF token of a session that is delivered in cookies: an HMAC of the secret. It does not reveal the secret, and
    /// the database reveals neither of them. It is the same for all access tokens of the session: tabs that refresh at the
    /// same time get different access tokens, the browser keeps the last one, and the CSRF token of every tab still fits.
    pub fn csrf_token(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret().as_bytes());
        let tag = hmac::sign(&key, b"latchkey: CSRF token");
        BASE64_URL_SAFE_NO_PAD.encode(&tag.as_ref()[..CSRF_TOKEN_BYTES])
    }

    /// The secret after a change of the password: an HMAC, so that a client whose response was lost can get it again. It
    /// requires the old secret, which only tokens contain, and the salted hash, which only the database contains.
    pub fn after_password_change(&self, new_password: &PasswordHash) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret().as_bytes());
        let text = format!("latchkey: secret after {}", new_password.0.expose_secret());
        let tag = hmac::sign(&key, text.as_bytes());
        Self(BASE64_URL_SAFE_NO_PAD.encode(&tag.as_ref()[..SECRET_BYTES]).into())
    }

    /// For the database. A plain hash is enough: 128 random bits cannot be guessed.
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.0.expose_secret().as_bytes())
    }
}

impl RefreshTokens {
    /// Signs with `secret`; also accepts tokens signed with one of `accepted`.
    pub fn new(
        issuer: &str,
        secret: &SecretString,
        accepted: &[SecretString],
        clock: Arc<dyn Clock>,
    ) -> Self {
        let secret = secret.expose_secret().as_bytes();
        let accepted = accepted.iter().map(|secret| secret.expose_secret().as_bytes());
        let keys = KeySet::from_secrets(std::iter::once(secret).chain(accepted));
        let signer = Signer::from_secret(secret);
        Self {
            issuer: issuer.to_owned(),
            header: signer.header("rt+jwt", &secret_key_id(secret)),
            signer,
            validator: RefreshTokenValidator::new(issuer, keys, clock),
        }
    }

    /// Validates a token without the database.
    pub fn read(&self, token: &SecretString) -> Result<RefreshToken, TokenError> {
        self.validator.validate(token.expose_secret()).and_then(RefreshToken::try_from)
    }

    /// Validates a token that may have expired: for logout.
    pub fn read_even_expired(&self, token: &SecretString) -> Result<RefreshToken, TokenError> {
        self.validator.validate_expired(token.expose_secret()).and_then(RefreshToken::try_from)
    }

    /// Signs the token of the session's current generation.
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
            auth_time: Some(session.auth_time.timestamp()),
            amr: (session.amr != Amr::password()).then(|| session.amr.methods().to_vec()),
            iat: now.timestamp(),
            exp: session.expires_at.timestamp(),
        };
        self.signer.sign(&self.header, &claims).map(SecretString::from)
    }
}

impl RefreshToken {
    pub fn secret(&self) -> &SessionSecret {
        &self.secret
    }

    pub fn with_secret(self, secret: SessionSecret) -> Self {
        Self { secret_hash: secret.hash(), secret, ..self }
    }

    pub fn with_generation(self, generation: Generation) -> Self {
        Self { generation, ..self }
    }

    /// The session as the holder of this token has it. The row may have a later proof of another holder: a copy of the token
    /// must not gain from it.
    pub fn own(&self, session: Session) -> Session {
        Session { auth_time: self.auth_time(&session), amr: self.amr.clone(), ..session }
    }

    /// When the holder of this token, or of one that led to it, last gave the password. The row has the last time of all
    /// holders, which is the upper limit. Tokens of older servers count from the login.
    fn auth_time(&self, session: &Session) -> DateTime<Utc> {
        let own = self.authenticated_at.unwrap_or(session.created_at);
        // The claim has whole seconds.
        if own.timestamp() < session.auth_time.timestamp() { own } else { session.auth_time }
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
            authenticated_at: claims.auth_time.and_then(|time| DateTime::from_timestamp(time, 0)),
            amr: claims.amr.map_or_else(Amr::password, Amr::from),
            secret,
        })
    }
}
