//! Which pages may read answers.

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::middleware::Condition;
use shared_claims::http::access_cookie::X_CSRF_TOKEN;

use crate::request_log::X_REQUEST_ID;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Seconds for which a browser may remember what a preflight said.
const PREFLIGHT_MAX_AGE: usize = 600;

/// Middleware: lets the pages of these origins, and no others, call these methods and read answers. With credentials,
/// so never `*`. Without any origin there is no CORS at all.
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
