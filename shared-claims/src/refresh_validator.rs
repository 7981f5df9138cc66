//! Validates refresh tokens, which are signed with a secret that only auth servers have.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::algorithm::Algorithm;
use crate::claims::{self, RefreshClaims};
use crate::clock::Clock;
use crate::compact::Compact;
use crate::error::TokenError;
use crate::key_set::KeySet;
use crate::payload::{Payload, time};
use crate::signature;
use crate::time_checks;
use crate::validator;

/// The `typ` of a refresh token. It is unique, so that no other token can pass for one (RFC 8725 §3.11).
pub const REFRESH_TYP: &str = "rt+jwt";

/// The length of a session's secret, `sk`.
const SESSION_SECRET_BYTES: usize = 16;

/// Validates refresh tokens. Whether the session is active, only the database knows.
#[derive(Clone)]
pub struct RefreshTokenValidator {
    issuer: String,
    secrets: KeySet,
    clock: Arc<dyn Clock>,
}

impl RefreshTokenValidator {
    /// Accepts tokens issued by and for `issuer`, signed with one of `secrets` ([`KeySet::from_secrets`]).
    pub fn new(issuer: impl Into<String>, secrets: KeySet, clock: Arc<dyn Clock>) -> Self {
        Self { issuer: issuer.into(), secrets, clock }
    }

    /// Validates `token` without a database.
    ///
    /// # Errors
    /// The [`TokenError`] of the first broken rule.
    pub fn validate(&self, token: &str) -> Result<RefreshClaims, TokenError> {
        let (claims, not_before) = self.validate_except_times(token)?;
        let now = self.clock.now();
        time_checks::check_past("iat", claims.iat, now)?;
        time_checks::check_not_before(not_before, now)?;
        time_checks::check_expiry(claims.exp, now)?;
        Ok(claims)
    }

    /// Like [`validate`](Self::validate), but accepts an expired token, and one that a server issued whose clock is ahead.
    /// Logout needs this.
    ///
    /// # Errors
    /// The [`TokenError`] of the first broken rule that does not depend on the time.
    pub fn validate_expired(&self, token: &str) -> Result<RefreshClaims, TokenError> {
        self.validate_except_times(token).map(|(claims, _)| claims)
    }

    /// The claims, and `nbf`.
    fn validate_except_times(&self, token: &str) -> Result<(RefreshClaims, Option<i64>), TokenError> {
        let token = Compact::parse(token)?;
        validator::check_header(&token.header, REFRESH_TYP)?;
        let (payload, _) = signature::verify(token, &self.secrets, &[Algorithm::Hs256])?;
        let mut payload = Payload::parse(&payload)?;
        let not_before = payload.optional("nbf", time)?;
        let claims = RefreshClaims::read(payload)?;
        if claims.token_type != claims::REFRESH {
            return Err(TokenError::WrongTokenType);
        }
        if claims.iss != self.issuer {
            return Err(TokenError::WrongIssuer);
        }
        if !claims.aud.contains(&self.issuer) {
            return Err(TokenError::WrongAudience);
        }
        if !URL_SAFE_NO_PAD.decode(&claims.sk).is_ok_and(|secret| secret.len() == SESSION_SECRET_BYTES) {
            return Err(TokenError::MistypedClaim("sk"));
        }
        Ok((claims, not_before))
    }
}

/// Leaves out the secrets.
impl std::fmt::Debug for RefreshTokenValidator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshTokenValidator").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
