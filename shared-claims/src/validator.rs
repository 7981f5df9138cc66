//! Access tokens: every rule between a string and the claims of a person.

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
pub use crate::keys::{Keys, SharedKeys};
use crate::revocations::Revocations;
use crate::signature;
use crate::strict_json::{self, StrictJsonError};
use crate::time_checks;

/// The `typ` of an access token (RFC 9068 §2.1).
pub const ACCESS_TYP: &str = "at+jwt";

/// Says which access tokens are valid. Cheap to clone; one per server, shared by its workers.
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
    /// Tokens that `issuer` made for `audience`, signed by one of `keys` with ES256, RS256 or `EdDSA`.
    ///
    /// The issuer is compared byte for byte: a trailing slash makes another one.
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

    /// Allows exactly these algorithms. With [`Algorithm::Hs256`], whoever runs this validator can make tokens.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        Arc::make_mut(&mut self.rules).algorithms = algorithms.to_vec();
        self
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        Arc::make_mut(&mut self.rules).clock = clock;
        self
    }

    /// Accepts a token for any one of `audiences`: for the issuer itself, which issues for all of them.
    #[must_use]
    pub fn with_any_audience(mut self, audiences: Vec<String>) -> Self {
        Arc::make_mut(&mut self.rules).audiences = audiences;
        self
    }

    /// Refuses what was revoked, as far as has been heard: tokens of ended sessions, of people whose roles have changed
    /// since, of retired keys.
    #[must_use]
    pub fn with_revocations(mut self, revocations: Revocations) -> Self {
        Arc::make_mut(&mut self.rules).revocations = Some(revocations);
        self
    }

    /// Calls `observer` with the result of each [`validate`](Self::validate), for metrics.
    #[must_use]
    pub fn with_observer(
        mut self,
        observer: impl Fn(Result<(), &TokenError>) + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.rules).observer = Some(Arc::new(observer));
        self
    }

    /// The validator's idea of the present.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.rules.clock.now()
    }

    /// Validates `token` with the keys at hand, without waiting for anything.
    ///
    /// # Errors
    /// The [`TokenError`] of the first rule that is broken.
    pub fn check<C: DeserializeOwned>(&self, token: &str) -> Result<AccessClaims<C>, TokenError> {
        let token = Compact::parse(token)?;
        check_header(&token.header, ACCESS_TYP)?;
        if let Some(revocations) = &self.rules.revocations {
            revocations.check_key(token.header.key_id.as_deref(), self.now())?;
        }
        let payload = signature::verify(token, &self.keys.current(), &self.rules.algorithms)?;
        self.rules.claims(&payload)
    }

    /// Validates `token`. If its key is unknown and keys come from another server, fetches them first, at most once in
    /// ten seconds for all tokens together.
    ///
    /// # Errors
    /// The [`TokenError`] of the first rule that is broken.
    pub async fn validate<C: DeserializeOwned>(&self, token: &str) -> Result<AccessClaims<C>, TokenError> {
        let checked = self.validate_unobserved(token).await;
        self.observe(checked.as_ref().map(drop));
        checked
    }

    #[cfg_attr(
        not(feature = "actix"),
        expect(clippy::unused_async, reason = "only remote keys are waited for")
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
        // The shape of ours is known by now, so whatever does not fit is custom.
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
        // A proof of identity from the future would look fresh for as long as its maker likes.
        time_checks::check_past("auth_time", claims.auth_time, now)?;
        time_checks::check_not_before(claims.nbf, now)?;
        time_checks::check_expiry(claims.exp, now)?;
        if let Some(revocations) = &self.revocations {
            revocations.check(&claims, now)?;
        }
        Ok(claims)
    }
}

/// The rules for a header that the signature check leaves open: the kind of token, and a key named by it.
pub(crate) fn check_header(header: &Header, typ: &str) -> Result<(), TokenError> {
    if !header.has_typ(typ) {
        return Err(TokenError::WrongTyp);
    }
    if header.key_id.is_none() {
        return Err(TokenError::MissingKeyId);
    }
    Ok(())
}

/// The payload as an object without a member given twice.
pub(crate) fn claim_members(payload: &[u8]) -> Result<Map<String, Value>, TokenError> {
    strict_json::from_slice(payload).map_err(|error| match error {
        StrictJsonError::DuplicateMember(_) => TokenError::DuplicateMember,
        StrictJsonError::Syntax | StrictJsonError::Data(_) => TokenError::MalformedPayload,
    })
}
