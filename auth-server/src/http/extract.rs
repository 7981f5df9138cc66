//! Extractors: what handlers take from a request.

pub mod client_info;
pub mod current_session;
pub mod idempotency_key;
pub mod json;
pub mod query;
pub mod refresh_token;

use std::any::type_name;
use std::pin::Pin;
use std::str::FromStr;

use actix_web::HttpRequest;
use shared_claims::{Code, Problem};

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// A value that the app registers with `app_data`.
pub fn app_data<T: 'static>(request: &HttpRequest) -> Result<&T, Problem> {
    request.app_data().ok_or_else(|| {
        log::error!("the app has no {} in its app_data", type_name::<T>());
        Problem::new(Code::InternalError)
    })
}

/// An id in the path. No user and no session has an id that is not a UUID.
pub fn parse_id<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::new(Code::NotFound))
}
