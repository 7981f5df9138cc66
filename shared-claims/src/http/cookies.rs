//! Finds cookies by their exact names.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;

/// The white space allowed around a pair (RFC 6265 §4.2.1). A sibling site can set a cookie whose name begins with
/// U+2000 before `__Host-`. Trimming that would make it pass for ours.
const BLANKS: [char; 2] = [' ', '\t'];

/// The values of all cookies with this name, in the order sent. Malformed other cookies are skipped: a sibling site can
/// set them, and [`HttpRequest::cookie`] fails if there is one.
#[must_use]
pub fn find_all<'a>(request: &'a HttpRequest, name: &str) -> Vec<&'a str> {
    let headers = request.headers().get_all(COOKIE);
    let pairs = headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    let values = pairs.filter_map(|pair| {
        std::str::from_utf8(pair).ok()?.trim_matches(BLANKS).strip_prefix(name)?.strip_prefix('=')
    });
    values.collect()
}
