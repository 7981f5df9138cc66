//! Cookies by their exact names, whatever else a browser sends.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;

/// What may stand around a pair (RFC 6265 §4.2.1). No other white space: a sibling site can set a cookie whose name
/// begins with U+2000, which the browser does not see as `__Host-`, and which must not become ours by trimming.
const BLANKS: [char; 2] = [' ', '\t'];

/// The values of every cookie of this name, in the order sent. Other pairs, however malformed, are passed over: a
/// sibling site can plant those, and [`HttpRequest::cookie`] fails as a whole on one of them.
#[must_use]
pub fn find_all<'a>(request: &'a HttpRequest, name: &str) -> Vec<&'a str> {
    let headers = request.headers().get_all(COOKIE);
    let pairs = headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    let values = pairs.filter_map(|pair| {
        std::str::from_utf8(pair).ok()?.trim_matches(BLANKS).strip_prefix(name)?.strip_prefix('=')
    });
    values.collect()
}
