use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use shared_claims::{Code, Problem};
use utoipa::IntoParams;

use crate::domain::sessions::IdempotencyKey;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only describes what `idempotency_key` reads")]
pub struct IdempotencyKeyHeader {
    /// A new key for every request, the same key to repeat it. With or without quotes.
    #[param(rename = "Idempotency-Key", pattern = r#"^([A-Za-z0-9_-]{22,64}|"[A-Za-z0-9_-]{22,64}")$"#)]
    key: Option<String>,
}

/// `Idempotency-Key`: one header of 22 to 64 characters of `[A-Za-z0-9_-]`, with or without quotes (a string of RFC 9651 has
/// them). 22 characters have 128 bits: no client can guess the key of another. Anything else is a `malformed_request`.
pub fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = request.headers().get_all(&IDEMPOTENCY_KEY);
    let (Some(value), more) = (values.next(), values.next()) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let is_valid = (22..=64).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if is_valid && more.is_none() {
        return Ok(Some(IdempotencyKey::hash(key)));
    }
    Err(Problem::new(Code::MalformedRequest)
        .detail("Idempotency-Key must be one header of 22 to 64 characters of [A-Za-z0-9_-]."))
}
