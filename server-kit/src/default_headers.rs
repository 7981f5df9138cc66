//! Headers of every response.

use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::DefaultHeaders;

/// Middleware: caches must not store responses, and browsers must not guess content types. A handler can set its own
/// `Cache-Control`.
#[must_use]
pub fn default_headers() -> DefaultHeaders {
    DefaultHeaders::new().add((CACHE_CONTROL, "no-store")).add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
}
