//! Validates access tokens.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use crate::algorithm::Algorithm;
use crate::claims::{self, AccessClaims};
use crate::clock::{Clock, SystemClock};
use crate::compact::{Compact, Header, MAX_TOKEN_BYTES};
use crate::error::TokenError;
use crate::key_set::KeySet;
use crate::keys::Keys;
use crate::payload::Payload;
use crate::revocations::{Revocations, Revoked};
use crate::signature;
use crate::time_checks;
use crate::token_cache::{Slot, TokenCache, TokenCacheStatus, Verified};

/// The `typ` of an access token (RFC 9068 §2.1).
pub const ACCESS_TYP: &str = "at+jwt";

/// Validates access tokens. Cheap to clone: create one per server and share it between the workers.
#[derive(Clone)]
pub struct AccessTokenValidator {
    rules: Arc<Rules>,
    keys: Keys,
    cache: Option<Arc<TokenCache>>,
}

/// Everything that can change while a token stays the same. Applied at every validation, with and without a cache.
#[derive(Clone)]
struct Rules {
    issuer: String,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    clock: Arc<dyn Clock>,
    revocations: Option<Revocations>,
    observer: Option<Observer>,
    #[cfg(feature = "http")]
    has_error_pages: bool,
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
            #[cfg(feature = "http")]
            has_error_pages: false,
        };
        Self { rules: Arc::new(rules), keys: keys.into(), cache: None }
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

    /// Makes `type` in the problems of the extractors a URL of the issuer, whose page `/docs/errors` explains each code.
    /// Without this call `type` is a path, which an API does not serve unless it has such a page itself.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn with_error_pages(mut self) -> Self {
        Arc::make_mut(&mut self.rules).has_error_pages = true;
        self
    }

    /// Keeps tokens that were validated, in at most `bytes` of memory, so that each signature is verified once. All other
    /// rules still apply at every validation: a token is rejected as soon as it expires, is revoked, or its key is removed.
    /// Without this call, or with 0, every validation verifies the signature. Clones share the memory.
    ///
    /// A token takes about 1 KiB.
    #[must_use]
    pub fn with_cache(mut self, bytes: usize) -> Self {
        self.cache = (bytes > 0).then(|| Arc::new(TokenCache::new(bytes)));
        self
    }

    /// The state of the cache; `None` without one.
    #[must_use]
    pub fn cache_status(&self) -> Option<TokenCacheStatus> {
        self.cache.as_ref().map(|cache| cache.status())
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
    pub fn check<C: DeserializeOwned + 'static>(
        &self,
        token: &str,
    ) -> Result<Arc<AccessClaims<C>>, TokenError> {
        self.check_at(token, self.now())?.typed()
    }

    /// Validates `token`. If its `kid` is unknown and the keys are [`Keys::Remote`], first fetches them again, at most
    /// once in ten seconds for all tokens together.
    ///
    /// # Errors
    /// The [`TokenError`] of the first broken rule.
    pub async fn validate<C: DeserializeOwned + 'static>(
        &self,
        token: &str,
    ) -> Result<Arc<AccessClaims<C>>, TokenError> {
        let checked = self.validate_unobserved(token).await.and_then(|(claims, _)| claims.typed());
        self.observe(checked.as_ref().map(drop));
        checked
    }

    /// The claims, and the time at which they were valid.
    #[cfg_attr(not(feature = "http"), expect(clippy::unused_async, reason = "only remote keys need a fetch"))]
    pub(crate) async fn validate_unobserved(
        &self,
        token: &str,
    ) -> Result<(Arc<AccessClaims>, DateTime<Utc>), TokenError> {
        let now = self.now();
        let checked = self.check_at(token, now);
        #[cfg(feature = "http")]
        if let (Err(TokenError::UnknownKey), Keys::Remote(keys)) = (&checked, &self.keys) {
            keys.refresh_for_unknown_kid().await;
            let now = self.now();
            return self.check_at(token, now).map(|claims| (claims, now));
        }
        checked.map(|claims| (claims, now))
    }

    fn check_at(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<AccessClaims>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let keys = self.keys.current();
        let slot = self.cache.as_deref().map(|cache| cache.slot(token));
        // A key that was replaced under the same `kid` is another key.
        if let Some(found) = slot.as_ref().and_then(Slot::get)
            && let Some(key) = keys.find(&found.key)
        {
            let revoked = self.rules.revoked();
            self.rules.check_key(key.algorithm, key.id.as_deref(), revoked.as_ref(), now)?;
            self.rules.check_claims(&found.claims, revoked.as_ref(), now)?;
            return Ok(found.claims);
        }
        let verified = self.rules.verify(token, &keys, now)?;
        self.rules.check_claims(&verified.claims, self.rules.revoked().as_ref(), now)?;
        if let Some(slot) = slot {
            slot.insert(verified.clone());
        }
        Ok(verified.claims)
    }

    pub(crate) fn observe(&self, result: Result<(), &TokenError>) {
        if let Some(observer) = &self.rules.observer {
            observer(result);
        }
    }

    /// The issuer, if its page explains the errors.
    #[cfg(feature = "http")]
    pub(crate) fn error_pages(&self) -> Option<&str> {
        self.rules.has_error_pages.then_some(&self.rules.issuer)
    }

    /// The same for this validator and its clones, and for no other one while they exist.
    #[cfg(feature = "http")]
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.rules).addr()
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
    /// What the token alone decides: its form, its signature, and the JSON types of its claims.
    fn verify(&self, token: &str, keys: &KeySet, now: DateTime<Utc>) -> Result<Verified, TokenError> {
        let token = Compact::parse(token)?;
        check_header(&token.header, ACCESS_TYP)?;
        self.check_key(token.header.algorithm, token.header.key_id.as_deref(), self.revoked().as_ref(), now)?;
        let (payload, key) = signature::verify(token, keys, &self.algorithms)?;
        let claims = AccessClaims::read(Payload::parse(&payload)?)?;
        Ok(Verified { key: key.fingerprint, claims: Arc::new(claims) })
    }

    fn revoked(&self) -> Option<Revoked<'_>> {
        self.revocations.as_ref().map(Revocations::lock)
    }

    /// What can change for a verified token, as far as its key is concerned.
    fn check_key(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        revoked: Option<&Revoked<'_>>,
        now: DateTime<Utc>,
    ) -> Result<(), TokenError> {
        if let Some(revoked) = revoked {
            revoked.check_key(id, now)?;
        }
        if self.algorithms.contains(&algorithm) { Ok(()) } else { Err(TokenError::AlgorithmNotAllowed) }
    }

    /// What can change for a verified token, as far as its claims are concerned.
    fn check_claims(
        &self,
        claims: &AccessClaims,
        revoked: Option<&Revoked<'_>>,
        now: DateTime<Utc>,
    ) -> Result<(), TokenError> {
        if claims.token_type != claims::ACCESS {
            return Err(TokenError::WrongTokenType);
        }
        if claims.iss != self.issuer {
            return Err(TokenError::WrongIssuer);
        }
        if !self.audiences.iter().any(|audience| claims.aud.contains(audience)) {
            return Err(TokenError::WrongAudience);
        }
        time_checks::check_past("iat", claims.iat, now)?;
        // An `auth_time` in the future would satisfy every freshness check until then.
        time_checks::check_past("auth_time", claims.auth_time, now)?;
        time_checks::check_not_before(claims.nbf, now)?;
        time_checks::check_expiry(claims.exp, now)?;
        match revoked {
            Some(revoked) => revoked.check(claims, now),
            None => Ok(()),
        }
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
