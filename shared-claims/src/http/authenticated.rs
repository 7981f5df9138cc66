//! The extractors: a handler that takes one runs only for a caller whose token is valid.

use std::any::Any;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::access_cookie::{AcceptCookie, check_csrf, is_safe};
use super::bearer;
use super::challenge::Challenge;
use super::problem::{Code, Problem};
use crate::claims::{AccessClaims, CustomClaims};
use crate::error::TokenError;
use crate::validator::AccessTokenValidator;

type Extraction<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// A caller with a valid access token in `Authorization: Bearer`, or in the cookie where the app has [`AcceptCookie`].
///
/// The app needs an [`AccessTokenValidator`] as `app_data` (bare or in [`web::Data`]). Without a token the answer is
/// 401 `missing_token`, with a bad one 401 `invalid_token` or `token_expired`, and 503 `unavailable` while there
/// are no keys; the handler is not called. `C` types the custom claims; a token whose claims do not fit it is bad.
#[derive(Clone, Debug)]
pub struct Authenticated<C = CustomClaims> {
    claims: AccessClaims<C>,
    validated_at: DateTime<Utc>,
}

/// A caller who may, but need not, send a token: `None` without one. A bad token is refused all the same, so that
/// nobody is taken for a stranger because their token expired.
#[derive(Clone, Debug)]
pub struct MaybeAuthenticated<C = CustomClaims>(pub Option<Authenticated<C>>);

impl<C> Authenticated<C> {
    /// What the token says.
    #[must_use]
    pub fn claims(&self) -> &AccessClaims<C> {
        &self.claims
    }

    /// The person: a UUID that never changes.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.claims.sub
    }

    /// What the person may do.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.claims.roles
    }

    /// Goes on only if the person has `role`.
    ///
    /// # Errors
    /// 403 `role_required`.
    pub fn require_role(&self, role: &str) -> Result<(), Problem> {
        if self.claims.roles.iter().any(|held| held == role) {
            return Ok(());
        }
        Err(Problem::new(Code::RoleRequired)
            .detail(format!("The role {role} is needed."))
            .challenge(Challenge::InsufficientScope))
    }

    /// Goes on only if the person proved at most `max_age` ago who they are, counted in whole seconds. For what a
    /// thief of a token should not be able to do.
    ///
    /// # Errors
    /// 403 `fresh_login_required` with `max_age` (RFC 9470).
    pub fn require_fresh(&self, max_age: Duration) -> Result<(), Problem> {
        let max_age = max_age.as_secs();
        let age = self.validated_at.timestamp().saturating_sub(self.claims.auth_time);
        // An age below zero is two clocks disagreeing, within what validation lets pass.
        if u64::try_from(age).unwrap_or(0) <= max_age {
            return Ok(());
        }
        Err(Problem::new(Code::FreshLoginRequired).challenge(Challenge::FreshLogin { max_age }))
    }
}

impl<C: DeserializeOwned + 'static> FromRequest for Authenticated<C> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await?.ok_or_else(|| missing_token(&request)) })
    }
}

impl<C: DeserializeOwned + 'static> FromRequest for MaybeAuthenticated<C> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await.map(Self) })
    }
}

async fn authenticate<C: DeserializeOwned + 'static>(
    request: &HttpRequest,
) -> Result<Option<Authenticated<C>>, Problem> {
    authenticate_for(request, is_safe(request.method())).await
}

/// Authenticates on behalf of another request, as `auth_request` of a proxy does: the caller, or `None` without a
/// token. `is_safe_method` says whether the CSRF rule applies to a token from the cookie.
///
/// # Errors
/// Those of [`Authenticated`], except `missing_token`.
pub async fn authenticate_for<C: DeserializeOwned + 'static>(
    request: &HttpRequest,
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

/// A token that was validated for this request. It stays in the request's extensions, so that a handler behind
/// [`require_token`](super::require_token::require_token) and every further extractor find it.
struct Validated {
    /// An inner scope may have another validator, and a middleware may replace the token: neither may use this one.
    validator: AccessTokenValidator,
    token: String,
    caller: Authenticated,
}

/// The caller, with the signature verified at most once per request. The observer of the validator learns of each
/// verification, and of custom claims that do not fit `C`.
async fn validate<C: DeserializeOwned + 'static>(
    request: &HttpRequest,
    validator: &AccessTokenValidator,
    token: &str,
) -> Result<Authenticated<C>, TokenError> {
    let earlier = request.extensions().get::<Validated>().and_then(|validated| {
        (validated.token == token && validated.validator.is_same(validator)).then(|| validated.caller.typed())
    });
    if let Some(caller) = earlier {
        return caller.inspect_err(|error| validator.observe(Err(error)));
    }
    let caller = validator.validate_unobserved(token).await.and_then(|claims| {
        let caller = Authenticated { claims, validated_at: validator.now() };
        let typed = caller.typed();
        let validator = validator.clone();
        request.extensions_mut().insert(Validated { validator, token: token.to_owned(), caller });
        typed
    });
    validator.observe(caller.as_ref().map(drop));
    caller
}

impl Authenticated {
    /// The same caller with typed custom claims.
    fn typed<C: DeserializeOwned + 'static>(&self) -> Result<Authenticated<C>, TokenError> {
        let copy: Box<dyn Any> = Box::new(self.clone());
        if let Ok(same) = copy.downcast::<Authenticated<C>>() {
            return Ok(*same);
        }
        let claims = serde_json::to_value(&self.claims).and_then(serde_json::from_value);
        let claims = claims.map_err(|_| TokenError::CustomClaims)?;
        Ok(Authenticated { claims, validated_at: self.validated_at })
    }
}

/// An access token as it came.
struct Sent<'a> {
    token: &'a str,
    in_cookie: bool,
}

/// `Authorization`, where it is present, decides alone: whoever sets it knows what they want, and no page of another
/// site can.
fn sent(request: &HttpRequest) -> Result<Option<Sent<'_>>, Problem> {
    let in_cookie = !request.headers().contains_key(AUTHORIZATION);
    let token = match accept_cookie(request) {
        Some(cookie) if in_cookie => cookie.token(request)?,
        _ => bearer::bearer(request)?,
    };
    Ok(token.map(|token| Sent { token, in_cookie }))
}

fn accept_cookie(request: &HttpRequest) -> Option<AcceptCookie> {
    let bare = request.app_data::<AcceptCookie>();
    bare.or_else(|| request.app_data::<web::Data<AcceptCookie>>().map(|data| &***data)).copied()
}

fn validator(request: &HttpRequest) -> Result<&AccessTokenValidator, Problem> {
    request
        .app_data::<AccessTokenValidator>()
        .or_else(|| request.app_data::<web::Data<AccessTokenValidator>>().map(|data| &***data))
        .ok_or_else(|| {
            log::error!(
                "a handler wants Authenticated, but the app has no AccessTokenValidator in its app_data"
            );
            Problem::new(Code::InternalError)
        })
}

/// What the extractors answer where there is no token.
#[must_use]
pub fn missing_token(request: &HttpRequest) -> Problem {
    let detail = match accept_cookie(request) {
        Some(_) => "Send an access token as Authorization: Bearer, or in the access cookie.",
        None => "Send an access token as Authorization: Bearer.",
    };
    Problem::new(Code::MissingToken).detail(detail).challenge(Challenge::NoToken)
}
