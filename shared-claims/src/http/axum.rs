//! The rules on axum: extractors, a guard for routers, and responses.
//!
//! The application provides its validator as `Extension`. [`require_token`] guards every route that was added before it;
//! the `Extension` comes after it, because later layers run first:
//!
//! ```
//! use axum::routing::get;
//! use axum::{Extension, Router};
//! use shared_claims::axum::require_token;
//! use shared_claims::{AccessTokenValidator, Authenticated, Problem};
//!
//! async fn reports(caller: Authenticated) -> Result<String, Problem> {
//!     caller.require_role("analyst")?;
//!     Ok(format!("{} may read reports", caller.claims().name))
//! }
//!
//! fn app(validator: AccessTokenValidator) -> Router {
//!     let api = Router::new().route("/reports", get(reports)).route_layer(require_token());
//!     Router::new().nest("/api", api).layer(Extension(validator))
//! }
//! ```
//!
//! To accept the access token from the cookie, add `Extension(AcceptCookie::of_issuer(issuer))`. Put CORS middleware further
//! out, with a later `layer`: a preflight request carries no token.

use std::sync::{Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{FromExtractorLayer, from_extractor};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::authenticated::{Authenticated, MaybeAuthenticated, authenticate, missing_token};
use super::problem::Problem;
use super::request_head::RequestHead;

/// Guards the routes of a router: a request without a valid access token gets the [`Problem`] of [`Authenticated`], and no
/// handler runs. With `route_layer`, unknown paths still get their 404; with `layer`, they require a token too.
///
/// A handler behind it may take [`Authenticated`] as usual; the token is not validated again.
pub fn require_token() -> FromExtractorLayer<Authenticated, ()> {
    from_extractor::<Authenticated>()
}

impl<S: Send + Sync, C: DeserializeOwned + Send + Sync + 'static> FromRequestParts<S> for Authenticated<C> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let MaybeAuthenticated(caller) = extract(parts).await?;
        caller.ok_or_else(|| missing_token(&Head::of(parts)))
    }
}

impl<S: Send + Sync, C: DeserializeOwned + Send + Sync + 'static> FromRequestParts<S>
    for MaybeAuthenticated<C>
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        extract(parts).await
    }
}

async fn extract<C: DeserializeOwned + Send + Sync + 'static>(
    parts: &mut Parts,
) -> Result<MaybeAuthenticated<C>, Problem> {
    let head = Head::of(parts);
    let caller = authenticate(&head).await;
    let kept = head.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    parts.extensions.extend(kept);
    caller.map(MaybeAuthenticated)
}

/// The head of a request, and what is to be kept in its extensions.
struct Head<'a> {
    parts: &'a Parts,
    kept: Mutex<Extensions>,
}

impl<'a> Head<'a> {
    fn of(parts: &'a Parts) -> Self {
        Self { parts, kept: Mutex::default() }
    }
}

impl RequestHead for Head<'_> {
    fn method_name(&self) -> &str {
        self.parts.method.as_str()
    }

    fn header_values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.parts.headers.get_all(name).iter().map(HeaderValue::as_bytes)
    }

    fn provided<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.parts.extensions.get()
    }

    fn with_kept<T: Send + Sync + 'static, R>(&self, read: impl FnOnce(&T) -> R) -> Option<R> {
        self.parts.extensions.get::<T>().map(read)
    }

    fn keep<T: Clone + Send + Sync + 'static>(&self, value: T) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(value);
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.body().into());
        *response.status_mut() =
            StatusCode::from_u16(self.code().number()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers() {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(&*value)) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}
