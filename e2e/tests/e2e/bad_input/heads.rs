//! Rows with invalid methods and headers, except headers with tokens.

use awc::http::Method;

use super::raw::exchange;
use super::world::{Cell, Expected, Server, Target};
use crate::document::Document;
use Expected::{HeadersTooLarge, Problem, Status};

/// Headers of calls that pages of other sites make.
const FOREIGN: [&[(&str, &str)]; 9] = [
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "")],
    &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
    &[("referer", "https://evil.example/")],
    &[("referer", "nonsense")],
];

pub fn cells(target: &Target) -> Vec<Cell> {
    let mut cells = Vec::new();
    let huge = target.logged_in().header("x-filler", &"x".repeat(200 * 1024));
    cells.push(Cell { row: "200 KiB of headers".to_owned(), call: huge, expected: HeadersTooLarge });
    for headers in FOREIGN {
        // A page cannot act for a user if the server accepts no cookies.
        let guarded = target.server == Server::Auth && !target.operation.is_safe();
        let expected = match target.good {
            _ if guarded => Problem(403, "origin_not_allowed"),
            Some(good) => Status(good),
            None => continue,
        };
        let call = headers.iter().fold(target.good(), |call, (name, value)| call.header(name, value));
        cells.push(Cell { row: format!("{headers:?}"), call, expected });
    }
    cells
}

/// A method that a path does not support gets 405 with `Allow`. HEAD returns the headers of GET.
pub async fn check_methods(target: &Target<'_>, document: &Document) {
    let allowed = document.allowed(&target.operation.path);
    let url = &target.world.server(target.server).url;
    for method in [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "get",
        "Post",
    ] {
        if allowed.split(", ").any(|name| name == method) {
            continue;
        }
        eprintln!("{method} {}", target.path());
        let head = format!("{method} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", target.path());
        let mut responses = exchange(url, head.as_bytes()).await;
        assert_eq!(responses.len(), 1);
        let response = responses.remove(0);
        assert_eq!(response.header("allow"), Some(allowed.as_str()));
        if method == "HEAD" {
            assert_eq!((response.status, response.header("cache-control")), (405, Some("no-store")));
        } else {
            response.assert_problem(405, "method_not_allowed");
        }
    }
    if let (true, Some(good)) = (target.operation.is_safe(), target.good) {
        let get = target.logged_in().send().await.assert_status(good);
        let head = target.logged_in_as(Method::HEAD).send().await;
        assert_eq!((head.status, head.text().as_str()), (good, ""));
        for name in ["content-type", "content-length", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{name}");
        }
    }
}
