//! Extractors: what handlers take from a request.

mod client_info;
mod current_session;
mod idempotency_key;
mod json;
mod query;
pub mod refresh_token;

use std::any::type_name;
use std::pin::Pin;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT_LANGUAGE;
pub use current_session::{AdminSession, FreshAdminSession, session_to_rotate};
pub use idempotency_key::{IdempotencyKeyHeader, idempotency_key};
pub use json::{Json, OptionalJson};
pub use query::{PageQuery, Query, address, address_schema, time};
use shared_claims::{Code, Problem};

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// A value from the app's `app_data`.
pub fn app_data<T: 'static>(request: &HttpRequest) -> Result<&T, Problem> {
    request.app_data().ok_or_else(|| {
        log::error!("the app has no {} in its app_data", type_name::<T>());
        Problem::new(Code::InternalError)
    })
}

/// The languages that the browser prefers.
pub fn accept_language(request: &HttpRequest) -> Option<&str> {
    request.headers().get(ACCEPT_LANGUAGE)?.to_str().ok()
}

/// An id in the path. No user and no session has an id that is not a UUID.
pub fn parse_id<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::new(Code::NotFound))
}
