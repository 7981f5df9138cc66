//! Validates access tokens.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::claim_shape;
use crate::claims::{self, AccessClaims};
use crate::clock::{Clock, SystemClock};
use crate::compact::{Compact, Header};
use crate::error::TokenError;
use crate::keys::Keys;
use crate::revocations::Revocations;
use crate::signature;
use crate::strict_json::{self, StrictJsonError};
use crate::time_checks;

/// The `typ` of an access token (RFC 9068 §2.1).
pub const ACCESS_TYP: &str = "at+jwt";

/// Validates access tokens. Cheap to clone: create one per server and share it between the workers.
#[derive(Clone)]
pub struct AccessTokenValidator {
    rules: Arc<Rules>,
    keys: Keys,
}

#[derive(Clone)]
struct Rules {
    issuer: String,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    clock: Arc<dyn Clock>,
    revocations: Option<Revocations>,
    observer: Option<Observer>,
}

type Observer = Arc<dyn Fn(Result<(), &TokenError>) + Send + Sync>;

impl AccessTokenValidator {
    /// Accepts tokens that `issuer` issued for `audience` and signed by one of `keys` with ES256, RS256 or `EdDSA`.
    ///
    /// The issuer is compared byte for byte: a trailing slash makes a difference.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: impl Into<Keys>) -> Self {
        let rules = Rules {
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            algorithms: Algorithm::ASYMMETRIC.to_vec(),
            clock: Arc::new(SystemClock),
            revocations: None,
            observer: None,
        };
        Self { rules: Arc::new(rules), keys: keys.into() }
    }

    /// Allows exactly these algorithms. With [`Algorithm::Hs256`], the keys of this validator can also sign tokens.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        Arc::make_mut(&mut self.rules).algorithms = algorithms.to_vec();
        self
    }

    /// Uses `clock` instead of the system's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        Arc::make_mut(&mut self.rules).clock = clock;
        self
    }

    /// Accepts a token for any of `audiences`. The issuer itself needs this, because it issues for all of them.
    #[must_use]
    pub fn with_any_audience(mut self, audiences: Vec<String>) -> Self {
        Arc::make_mut(&mut self.rules).audiences = audiences;
        self
    }

    /// Rejects revoked tokens: those of ended sessions, those older than the last change of their user, and those signed
    /// by a retired key.
    #[must_use]
    pub fn with_revocations(mut self, revocations: Revocations) -> Self {
        Arc::make_mut(&mut self.rules).revocations = Some(revocations);
        self
    }

    /// Calls `observer` with the result of each validation, for metrics. Extractors validate once per request; they call
    /// `observer` again if the custom claims do not fit a second extractor's type.
    #[must_use]
    pub fn with_observer(
        mut self,
        observer: impl Fn(Result<(), &TokenError>) + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.rules).observer = Some(Arc::new(observer));
        self
    }

    /// The current time of the validator's clock.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.rules.clock.now()
    }

    /// Validates `token` with the current keys, without waiting.
    ///
    /// # Errors
    /// The [`TokenError`] of the first broken rule.
    pub fn check<C: DeserializeOwned>(&self, token: &str) -> Result<AccessClaims<C>, TokenError> {
        let token = Compact::parse(token)?;
        check_header(&token.header, ACCESS_TYP)?;
        if let Some(revocations) = &self.rules.revocations {
            revocations.check_key(token.header.key_id.as_deref(), self.now())?;
        }
        let payload = signature::verify(token, &self.keys.current(), &self.rules.algorithms)?;
        self.rules.claims(&payload)
    }

    /// Validates `token`. If its `kid` is unknown and the keys are [`Keys::Remote`], first fetches them again, at most
    /// once in ten seconds for all tokens together.
    ///
    /// # Errors
    /// The [`TokenError`] of the first broken rule.
    pub async fn validate<C: DeserializeOwned>(&self, token: &str) -> Result<AccessClaims<C>, TokenError> {
        let checked = self.validate_unobserved(token).await;
        self.observe(checked.as_ref().map(drop));
        checked
    }

    #[cfg_attr(
        not(feature = "actix"),
        expect(clippy::unused_async, reason = "only remote keys need a fetch")
    )]
    pub(crate) async fn validate_unobserved<C: DeserializeOwned>(
        &self,
        token: &str,
    ) -> Result<AccessClaims<C>, TokenError> {
        let checked = self.check(token);
        #[cfg(feature = "actix")]
        if let (Err(TokenError::UnknownKey), Keys::Remote(keys)) = (&checked, &self.keys) {
            keys.refresh_for_unknown_kid().await;
            return self.check(token);
        }
        checked
    }

    pub(crate) fn observe(&self, result: Result<(), &TokenError>) {
        if let Some(observer) = &self.rules.observer {
            observer(result);
        }
    }

    /// Whether `other` is this validator or a clone of it.
    #[cfg(feature = "actix")]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rules, &other.rules)
    }
}

impl fmt::Debug for AccessTokenValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokenValidator")
            .field("issuer", &self.rules.issuer)
            .field("audiences", &self.rules.audiences)
            .field("algorithms", &self.rules.algorithms)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl Rules {
    fn claims<C: DeserializeOwned>(&self, payload: &[u8]) -> Result<AccessClaims<C>, TokenError> {
        let members = claim_members(payload)?;
        claim_shape::check(&members, claim_shape::ACCESS)?;
        // The other claims have been checked, so an error is about the custom ones.
        let claims: AccessClaims<C> =
            serde_json::from_value(Value::Object(members)).map_err(|_| TokenError::CustomClaims)?;

        if claims.token_type != claims::ACCESS {
            return Err(TokenError::WrongTokenType);
        }
        if claims.iss != self.issuer {
            return Err(TokenError::WrongIssuer);
        }
        if !self.audiences.iter().any(|audience| claims.aud.contains(audience)) {
            return Err(TokenError::WrongAudience);
        }
        let now = self.clock.now();
        time_checks::check_past("iat", claims.iat, now)?;
        // An `auth_time` in the future would satisfy every freshness check until then.
        time_checks::check_past("auth_time", claims.auth_time, now)?;
        time_checks::check_not_before(claims.nbf, now)?;
        time_checks::check_expiry(claims.exp, now)?;
        if let Some(revocations) = &self.revocations {
            revocations.check(&claims, now)?;
        }
        Ok(claims)
    }
}

/// The header rules that do not concern the signature: `typ` must be right and `kid` present.
pub(crate) fn check_header(header: &Header, typ: &str) -> Result<(), TokenError> {
    if !header.has_typ(typ) {
        return Err(TokenError::WrongTyp);
    }
    if header.key_id.is_none() {
        return Err(TokenError::MissingKeyId);
    }
    Ok(())
}

/// The payload as an object without duplicate members.
pub(crate) fn claim_members(payload: &[u8]) -> Result<Map<String, Value>, TokenError> {
    strict_json::from_slice(payload).map_err(|error| match error {
        StrictJsonError::DuplicateMember(_) => TokenError::DuplicateMember,
        StrictJsonError::Syntax | StrictJsonError::Data(_) => TokenError::MalformedPayload,
    })
}
