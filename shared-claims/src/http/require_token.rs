//! Middleware that calls the handler only for a caller with a valid access token.

use std::future::{Ready, ready};

use actix_web::dev::ServiceRequest;
use actix_web::{Error, FromRequest};
use actix_web_httpauth::middleware::HttpAuthentication;

use super::authenticated::Authenticated;

/// Guards a scope or a route: a request without a valid access token gets the [`Problem`](super::problem::Problem) of
/// [`Authenticated`], and no handler runs.
///
/// `web::scope("/api").wrap(require_token())` guards everything below `/api`, unknown paths and methods included.
/// `web::get().to(handler).wrap(require_token())` guards one route, so that a wrong method still gets its 405.
/// A handler behind it may take [`Authenticated`] as usual; the token is not validated again.
///
/// Put CORS middleware further out, with `App::wrap`: a preflight request carries no token.
#[must_use]
pub fn require_token() -> Guard<Authenticated, impl Fn(ServiceRequest, Authenticated) -> Passed + Clone> {
    require::<Authenticated>()
}

/// Guards a scope or a route with any extractor, for example `Authenticated<Plan>`: if extraction fails, its error is
/// the response.
#[must_use]
pub fn require<E: FromRequest>() -> Guard<E, impl Fn(ServiceRequest, E) -> Passed + Clone> {
    HttpAuthentication::with_fn(|request, _: E| ready(Ok(request)))
}

/// The middleware that [`require_token`] and [`require`] return.
pub type Guard<E, F> = HttpAuthentication<E, F>;
/// The request, unchanged, on its way to the handler.
pub type Passed = Ready<Result<ServiceRequest, (Error, ServiceRequest)>>;
