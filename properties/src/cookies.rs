//! The refresh cookie is found by its exact name among any other cookies.

use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::test::TestRequest;
use auth_server::testing::refresh_cookies;

const NAME: &[u8] = b"__Host-refresh_token";

/// Each line of the input is a `Cookie` header.
pub fn check(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let values: Vec<HeaderValue> =
        lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let mut request = TestRequest::default();
    for value in &values {
        request = request.append_header((COOKIE, value.clone()));
    }
    let found = refresh_cookies(&request.to_http_request());

    let expected: Vec<String> = values.iter().flat_map(|value| refresh_tokens(value.as_bytes())).collect();
    assert_eq!(found, expected, "{}", data.escape_ascii());
}

/// The values of all refresh cookies in a header. Values that are not UTF-8 are skipped.
fn refresh_tokens(header: &[u8]) -> Vec<String> {
    let mut values = Vec::new();
    for pair in header.split(|byte| *byte == b';') {
        let Some(start) = pair.iter().position(|byte| !matches!(byte, b' ' | b'\t')) else { continue };
        let pair = &pair[start..];
        let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
        if &pair[..equals] == NAME {
            let value = String::from_utf8(pair[equals + 1..].to_vec());
            values.extend(value.map(|value| value.trim_end_matches([' ', '\t']).to_owned()));
        }
    }
    values
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 7] = [
        b"__Host-refresh_token=a.b.c",
        b"foo; a=%FF; __Host-refresh_token=a.b.c; z",
        b"__Host-refresh_token=a; __Host-refresh_token=b",
        b"a=b\n__Host-refresh_token=c\n \t__Host-refresh_token=d\t",
        b"refresh_token=x; __host-refresh_token=y; __Host-refresh_token =z; x__Host-refresh_token=w",
        b"\xe2\x80\x80__Host-refresh_token=x; \xff__Host-refresh_token=y",
        b"=; ;;; \"; __Host-refresh_token==\"a;b\"",
    ];
    texts.map(<[u8]>::to_vec).to_vec()
}
