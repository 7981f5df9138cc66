//! Extractors for handlers that require a caller with a valid token.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::access_cookie::{AcceptCookie, check_csrf, choose, is_safe};
use super::bearer;
use super::challenge::Challenge;
use super::problem::{Code, Problem};
use super::request_head::RequestHead;
use crate::acr::Acr;
use crate::claims::{AccessClaims, CustomClaims};
use crate::error::TokenError;
use crate::validator::AccessTokenValidator;

/// A caller with a valid access token in `Authorization: Bearer`, or in the cookie if the app has [`AcceptCookie`].
///
/// The application provides an [`AccessTokenValidator`]: on actix as `app_data` (bare or in `web::Data`), on axum as
/// `Extension`. The handler is not called without a token (401 `missing_token`), with an invalid one (401 `invalid_token`,
/// `token_expired`, `session_ended`, `token_stale`), or while no keys are available (503 `unavailable`). `C` is the type of
/// the custom claims; a token that does not fit it is invalid.
///
/// A token is validated once per request, however many extractors read it.
#[derive(Clone, Debug)]
pub struct Authenticated<C = CustomClaims> {
    claims: Arc<AccessClaims<C>>,
    validated_at: DateTime<Utc>,
    /// Whether the page of the issuer explains the errors.
    has_error_pages: bool,
}

/// A caller with an optional token: `None` without one. An invalid token is still rejected, so that a user with an
/// expired token is not treated as anonymous.
#[derive(Clone, Debug)]
pub struct MaybeAuthenticated<C = CustomClaims>(pub Option<Authenticated<C>>);

impl<C> Authenticated<C> {
    /// The claims of the token.
    #[must_use]
    pub fn claims(&self) -> &AccessClaims<C> {
        &self.claims
    }

    /// The user's id, a UUID that never changes.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.claims.sub
    }

    /// The user's roles.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.claims.roles
    }

    /// How strong the user's login was.
    #[must_use]
    pub fn acr(&self) -> Acr {
        self.claims.acr
    }

    /// Requires the user to have `role`.
    ///
    /// # Errors
    /// 403 `role_required`.
    pub fn require_role(&self, role: &str) -> Result<(), Problem> {
        if self.claims.roles.iter().any(|held| held == role) {
            return Ok(());
        }
        let problem = Problem::new(Code::RoleRequired).detail(format!("The role {role} is required."));
        Err(self.explained(problem.challenge(Challenge::InsufficientScope)))
    }

    /// Requires a login at most `max_age` ago, in whole seconds. Use it for operations that a stolen token must not allow.
    ///
    /// # Errors
    /// 403 `fresh_login_required` with `max_age` (RFC 9470).
    pub fn require_fresh(&self, max_age: Duration) -> Result<(), Problem> {
        let max_age = max_age.as_secs();
        let age = self.validated_at.timestamp().saturating_sub(self.claims.auth_time);
        // A negative age is a clock difference within the leeway of validation.
        if u64::try_from(age).unwrap_or(0) <= max_age {
            return Ok(());
        }
        let problem = Problem::new(Code::FreshLoginRequired);
        Err(self.explained(problem.challenge(Challenge::FreshLogin { max_age })))
    }

    /// Requires a login that was at least as strong as `acr` and, with `max_age`, at most that long ago.
    ///
    /// # Errors
    /// 403 `stronger_login_required` with `acr_values` and `max_age` (RFC 9470). 403 `fresh_login_required` if the login was
    /// strong enough, but too long ago.
    pub fn require_acr(&self, acr: Acr, max_age: Option<Duration>) -> Result<(), Problem> {
        if self.acr() >= acr {
            return max_age.map_or(Ok(()), |max_age| self.require_fresh(max_age));
        }
        let max_age = max_age.map(|max_age| max_age.as_secs());
        let problem = Problem::new(Code::StrongerLoginRequired);
        Err(self.explained(problem.challenge(Challenge::StrongerLogin { acr, max_age })))
    }

    fn explained(&self, problem: Problem) -> Problem {
        if self.has_error_pages { problem.explained_by(&self.claims.iss) } else { problem }
    }
}

/// The caller, as the extractors return it.
pub(super) async fn authenticate<C: DeserializeOwned + 'static>(
    request: &impl RequestHead,
) -> Result<Option<Authenticated<C>>, Problem> {
    authenticate_for(request, is_safe(request.method_name())).await
}

/// Authenticates on behalf of another request, as `auth_request` of a proxy does: the caller, or `None` without a
/// token. With `is_safe_method`, a token from the cookie needs no `X-CSRF-Token`.
///
/// # Errors
/// Those of [`Authenticated`], except `missing_token`.
pub async fn authenticate_for<C: DeserializeOwned + 'static>(
    request: &impl RequestHead,
    is_safe_method: bool,
) -> Result<Option<Authenticated<C>>, Problem> {
    authenticate_sent(request, is_safe_method).await.map_err(|problem| explained(request, problem))
}

async fn authenticate_sent<C: DeserializeOwned + 'static>(
    request: &impl RequestHead,
    is_safe_method: bool,
) -> Result<Option<Authenticated<C>>, Problem> {
    let Some(Sent { token, in_cookie }) = sent(request)? else {
        return Ok(None);
    };
    let caller = validate(request, validator(request)?, token).await.map_err(|error| {
        log::info!("rejected an access token: {error}");
        bearer::token_problem(&error)
    })?;
    if in_cookie {
        check_csrf(request, caller.claims.csrf.as_deref(), is_safe_method)?;
    }
    Ok(Some(caller))
}

/// A token that was validated for this request, kept in the request's extensions for the other extractors and for the
/// handler behind the guard.
#[derive(Clone)]
struct Validated {
    /// An inner scope can have another validator, and a middleware can replace the token. Then this one does not count. Both
    /// validators are in the data of the app, which outlives the request.
    validator: usize,
    token: String,
    caller: Authenticated,
}

/// Verifies the signature at most once per request. The validator's observer is called for each verification, and for
/// custom claims that do not fit `C`.
async fn validate<C: DeserializeOwned + 'static>(
    request: &impl RequestHead,
    validator: &AccessTokenValidator,
    token: &str,
) -> Result<Authenticated<C>, TokenError> {
    let earlier = request.with_kept(|validated: &Validated| {
        (validated.token == token && validated.validator == validator.identity())
            .then(|| validated.caller.typed())
    });
    if let Some(caller) = earlier.flatten() {
        return caller.inspect_err(|error| validator.observe(Err(error)));
    }
    let caller = validator.validate_unobserved(token).await.and_then(|(claims, validated_at)| {
        let has_error_pages = validator.error_pages().is_some();
        let caller = Authenticated { claims, validated_at, has_error_pages };
        let typed = caller.typed();
        let validator = validator.identity();
        request.keep(Validated { validator, token: token.to_owned(), caller });
        typed
    });
    validator.observe(caller.as_ref().map(drop));
    caller
}

impl Authenticated {
    /// The same caller with typed custom claims.
    fn typed<C: DeserializeOwned + 'static>(&self) -> Result<Authenticated<C>, TokenError> {
        let Self { validated_at, has_error_pages, .. } = *self;
        Ok(Authenticated { claims: self.claims.typed()?, validated_at, has_error_pages })
    }
}

/// An access token and where it was found.
struct Sent<'a> {
    token: &'a str,
    in_cookie: bool,
}

/// If there is a bearer token, the cookie is ignored: a page of another site cannot set that header. Other schemes of
/// `Authorization` are those of a proxy, and count as absent.
fn sent(request: &impl RequestHead) -> Result<Option<Sent<'_>>, Problem> {
    if let Some(token) = bearer::bearer(request)? {
        return Ok(Some(Sent { token, in_cookie: false }));
    }
    let Some(cookie) = request.provided::<AcceptCookie>() else { return Ok(None) };
    let token = match cookie.find(request)[..] {
        [] => None,
        [token] => Some(token),
        ref several => choose(several, validator(request)?)?,
    };
    Ok(token.map(|token| Sent { token, in_cookie: true }))
}

fn validator(request: &impl RequestHead) -> Result<&AccessTokenValidator, Problem> {
    request.provided().ok_or_else(|| {
        log::error!(
            "Authenticated requires an AccessTokenValidator: app_data on actix, an Extension on axum"
        );
        Problem::new(Code::InternalError)
    })
}

/// The response to a request without a token.
#[must_use]
pub fn missing_token(request: &impl RequestHead) -> Problem {
    let detail = match request.provided::<AcceptCookie>() {
        Some(_) => "Send an access token as Authorization: Bearer, or in the access cookie.",
        None => "Send an access token as Authorization: Bearer.",
    };
    explained(request, Problem::new(Code::MissingToken).detail(detail).challenge(Challenge::NoToken))
}

fn explained(request: &impl RequestHead, problem: Problem) -> Problem {
    match request.provided().and_then(AccessTokenValidator::error_pages) {
        Some(issuer) => problem.explained_by(issuer),
        None => problem,
    }
}
