//! An Idempotency-Key is one header with 22 to 64 characters of `[A-Za-z0-9_-]`, optionally quoted. Anything else is an
//! error.

use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use auth_server::testing::{MalformedKey, idempotency_key};

/// Each line of the input is an `Idempotency-Key` header.
pub fn check(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n');
    let values: Vec<HeaderValue> = lines.filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let mut request = TestRequest::default();
    for value in &values {
        request = request.append_header(("Idempotency-Key", value.clone()));
    }
    let found = idempotency_key(&request.to_http_request());
    let expected = match values.as_slice() {
        [] => Ok(false),
        [one] if is_key(one.as_bytes()) => Ok(true),
        _ => Err(MalformedKey),
    };
    assert_eq!(found, expected, "{}", data.escape_ascii());
}

fn is_key(value: &[u8]) -> bool {
    let bare = match value {
        [b'"', inner @ .., b'"'] => inner,
        bare => bare,
    };
    (22..=64).contains(&bare.len())
        && bare.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-'))
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "0123456789abcdefABCDEF".to_owned(),
        "\"0123456789_bcde-ABCDEF\"".to_owned(),
        "\"\"0123456789abcdefABCDEF\"\"".to_owned(),
        "0123456789abcdefABCDEF\n0123456789abcdefABCDEF".to_owned(),
        "x".repeat(64),
        "x".repeat(65),
    ];
    texts.map(String::into_bytes).to_vec()
}
