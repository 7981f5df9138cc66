//! Finds cookies by their exact names.

use super::request_head::RequestHead;

/// The white space allowed around a pair (RFC 6265 §4.2.1). A sibling site can set a cookie whose name begins with
/// U+2000 before `__Host-`. Trimming that would make it pass for ours.
const BLANKS: [char; 2] = [' ', '\t'];

/// The values of all cookies with this name, in the order sent. Malformed other cookies are skipped: a sibling site can
/// set them, and the cookie parsers of frameworks fail if there is one.
#[must_use]
pub fn find_all<'a>(request: &'a impl RequestHead, name: &str) -> Vec<&'a str> {
    let headers = request.header_values("cookie");
    let pairs = headers.flat_map(|header| header.split(|byte| *byte == b';'));
    let values = pairs.filter_map(|pair| {
        std::str::from_utf8(pair).ok()?.trim_matches(BLANKS).strip_prefix(name)?.strip_prefix('=')
    });
    values.collect()
}
