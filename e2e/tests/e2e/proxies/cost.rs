//! What a long Cookie header costs: the time must grow linearly, whatever the header consists of.

use std::time::{Duration, Instant};

use super::proxy::Kind;
use super::site::{Site, User};

/// nginx accepts header lines of up to 8 KiB.
const LENGTH: usize = 8_000;
const PARTS: [&str; 12] =
    [";", "=", " ", "\"", ",", "\t", "; ", " ;", ";=", "_", "a;", "__Host-access_token=x; "];
/// Quadratic time is a thousand times as much.
const FACTOR: u32 = 100;
const TRIES: usize = 5;

/// Cookie headers that end with the access token, or do not contain it.
fn headers(user: &User, part: &str) -> Vec<String> {
    let access = format!("__Host-access_token={}", user.value("__Host-access_token"));
    let fill = |length: usize| part.repeat(length / part.len());
    let rest = LENGTH - access.len();
    vec![
        format!("{access}; a=b{}x", fill(rest - 10)),
        format!("a=b{}; {access}", fill(rest - 10)),
        format!("a{}=; b=2", fill(LENGTH - 10)),
        fill(LENGTH),
    ]
}

/// The shortest of several, because other tests run at the same time.
async fn shortest(site: &Site, path: &str, cookie: &str) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..TRIES {
        let sent = Instant::now();
        let status = site.send_raw("GET", path, &format!("Cookie: {cookie}\r\n\r\n")).await;
        shortest = shortest.min(sent.elapsed());
        assert!(status.is_some_and(|status| status < 500), "{:?}: {status:?}", site.kind);
    }
    shortest
}

async fn long_cookies_cost_little(kind: Kind) {
    let site = Site::start(kind).await;
    let user = site.register("ann").await;
    for path in ["/app/", "/auth/me"] {
        let harmless = headers(&user, "x");
        let mut most = Duration::ZERO;
        for cookie in harmless {
            most = most.max(shortest(&site, path, &cookie).await);
        }
        for part in PARTS {
            for cookie in headers(&user, part) {
                let took = shortest(&site, path, &cookie).await;
                assert!(took < most * FACTOR, "{kind:?} {path}: {took:?} instead of {most:?} for {cookie:?}");
            }
        }
        site.upstream.received();
    }
}

#[actix_web::test]
async fn a_long_cookie_of_delimiters_costs_no_more_than_another_behind_nginx() {
    long_cookies_cost_little(Kind::Nginx).await;
}

#[actix_web::test]
async fn a_long_cookie_of_delimiters_costs_no_more_than_another_behind_caddy() {
    long_cookies_cost_little(Kind::Caddy).await;
}
