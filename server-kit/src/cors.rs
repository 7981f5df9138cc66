//! CORS: the origins whose pages may read responses.

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::middleware::Condition;
use shared_claims::http::access_cookie::X_CSRF_TOKEN;

use crate::request_log::X_REQUEST_ID;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Seconds for which browsers may cache the response to a preflight.
const PREFLIGHT_MAX_AGE: usize = 600;

/// Middleware: only pages of these origins may use these methods and read the responses. Allows credentials, therefore
/// never `*`. Without origins it sends no CORS headers.
#[must_use]
pub fn cors(allowed_origins: &[String], methods: &[Method]) -> Condition<Cors> {
    let cors = Cors::default()
        .allowed_methods(methods.iter().cloned())
        .allowed_headers([AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, X_CSRF_TOKEN])
        .expose_headers([RETRY_AFTER, WWW_AUTHENTICATE, X_REQUEST_ID])
        .supports_credentials()
        .block_on_origin_mismatch(false)
        .max_age(PREFLIGHT_MAX_AGE);
    let cors = allowed_origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin));
    Condition::new(!allowed_origins.is_empty(), cors)
}
