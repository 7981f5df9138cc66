//! Rows with the access token in its cookie.

use super::tokens::bad_tokens;
use super::world::{Cell, Expected, Target};
use Expected::{Problem, Status};

const CSRF_FAILED: Expected = Problem(403, "csrf_failed");

/// For operations that accept it.
pub fn cells(target: &Target) -> Vec<Cell> {
    let mut cells = Vec::new();
    if !target.operation.takes("access_cookie") {
        return cells;
    }
    let mut add = |row: String, cookie: &str, csrf: &[&str], expected| {
        let call = csrf
            .iter()
            .fold(target.bare().header("cookie", cookie), |call, value| call.header("x-csrf-token", value));
        cells.push(Cell { row, call, expected });
    };
    for (row, text) in bad_tokens(target) {
        if text.is_ascii() {
            add(
                format!("{row} as cookie"),
                &format!("__Host-access_token={text}"),
                &[],
                Problem(401, "invalid_token"),
            );
        }
    }
    let not_for_a_cookie = &target.world.access_token;
    for csrf in [&[][..], &["x"]] {
        let cookie = format!("__Host-access_token={not_for_a_cookie}");
        add(format!("a token without the claim, X-CSRF-Token {csrf:?}"), &cookie, csrf, CSRF_FAILED);
    }
    let (token, csrf) = (&target.world.cookie_token, target.world.csrf_token.as_str());
    let good = format!("__Host-access_token={token}");
    for twice in [
        format!("{good}; {good}"),
        format!("{good}; access_token={token}"),
        format!("{good}; __Host-access_token="),
    ] {
        if let Some(status) = target.good {
            add(format!("two access cookies in {} bytes", twice.len()), &twice, &[csrf], Status(status));
        }
    }
    for wrong in [&[][..], &[""], &["x"], &[&csrf[1..]], &[csrf, csrf], &["x", csrf]] {
        let row = format!("the cookie with X-CSRF-Token {wrong:?}");
        match target.good {
            _ if !target.operation.is_safe() || target.is_for_proxies() => {
                add(row, &good, wrong, CSRF_FAILED);
            }
            Some(status) => add(row, &good, wrong, Status(status)),
            None => {}
        }
    }
    if let Some(status) = target.good {
        let planted = format!("foo; a=%FF; =;; \"; x__Host-access_token=y; {good}; z=%");
        add("planted cookies".to_owned(), &planted, &[csrf], Status(status));
    }
    cells
}
