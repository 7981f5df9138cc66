use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Seconds for which a browser may remember what a preflight said.
const PREFLIGHT_MAX_AGE: usize = 600;

/// Lets the pages of `ALLOWED_ORIGINS`, and no others, read answers. With credentials, so never `*`.
pub fn cors(allowed_origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST])
        .allowed_headers([AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, X_CSRF_TOKEN])
        .expose_headers([RETRY_AFTER, WWW_AUTHENTICATE, X_REQUEST_ID])
        .supports_credentials()
        .block_on_origin_mismatch(false)
        .max_age(PREFLIGHT_MAX_AGE);
    allowed_origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
