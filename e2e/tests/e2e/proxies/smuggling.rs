//! A client cannot forge the identity headers that the server behind the proxy receives, in any spelling.

use super::proxy::Kind;
use super::site::Site;

const NAMES: [&str; 3] = ["X-User-Id", "X-User-Roles", "X-Session-Id"];

/// Spellings that a server may treat as the same header name.
fn spellings(name: &str) -> Vec<String> {
    let mut all = vec![
        name.to_owned(),
        name.to_lowercase(),
        name.to_uppercase(),
        name.replacen('-', "_", 1),
        name.replace('-', "_"),
        name.replace('-', "_").to_uppercase(),
        name.to_lowercase().replace('-', "_"),
    ];
    let last = name.rfind('-').expect("a hyphen");
    all.push(format!("{}_{}", &name[..last], &name[last + 1..]));
    for odd in ".!#$%&'*+^`|~".chars() {
        all.push(name.replace('-', &odd.to_string()));
    }
    all
}

/// Header lines that try to pass a forged header through the proxy.
fn attempts(name: &str) -> Vec<String> {
    let mut all = Vec::new();
    for name in spellings(name) {
        all.push(format!("{name}: admin\r\n"));
        all.push(format!("{name}: admin\r\n{name}: root\r\n"));
    }
    for odd in [" ", "\t", "\u{0}", "\u{a0}"] {
        all.push(format!("{name}{odd}: admin\r\n"));
        all.push(format!("{odd}{name}: admin\r\n"));
        all.push(format!("X-Other: x\r\n{odd}{name}: admin\r\n"));
    }
    all.push(format!("X-Other: x\n{name}: admin\r\n"));
    all.push(format!("X-Other: x\r{name}: admin\r\n"));
    all.push(format!("X-Other: x\\r\\n{name}: admin\r\n"));
    all.push(format!("Connection: {name}\r\n{name}: admin\r\n"));
    // Try to make the proxy remove its own headers.
    all.push(format!("Connection: {name}, X-Forwarded-For, X-Forwarded-Method, Cookie, Authorization\r\n"));
    all.push(format!("Connection: close, {}\r\n", name.to_lowercase()));
    all.push(format!("Keep-Alive: {name}\r\nTE: trailers\r\nUpgrade: websocket\r\n"));
    all
}

#[actix_web::test]
async fn the_identity_headers_cannot_be_forged_in_any_spelling() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let user = site.register("ann").await;
        let cookie = user.cookie();
        let mut reached = 0;
        for attempt in NAMES.iter().flat_map(|name| attempts(name)) {
            for rest in
                [format!("Cookie: {cookie}\r\n{attempt}\r\n"), format!("{attempt}Cookie: {cookie}\r\n\r\n")]
            {
                site.send_raw("GET", "/app/", &rest).await;
                reached += assert_unharmed(&site, &user.id, &attempt);
            }
            // Without a session, no header gives access.
            site.send_raw("GET", "/app/", &format!("{attempt}\r\n")).await;
            site.assert_received_nothing();
        }
        assert!(reached > 150, "{kind:?}: only {reached} requests reached the server");
    }
}

#[actix_web::test]
async fn the_identity_headers_cannot_be_forged_in_or_after_a_body() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let user = site.register("ann").await;
        let headers = format!("Cookie: {}\r\nX-CSRF-Token: {}\r\n", user.cookie(), user.csrf);
        let within = "GET /app/ HTTP/1.1\r\nHost: x\r\nX-User-Id: admin\r\n\r\n";
        let length = within.len();
        for body in [
            "Transfer-Encoding: chunked\r\nTrailer: X-User-Id\r\n\r\n1\r\nx\r\n0\r\nX-User-Id: admin\r\n\r\n"
                .to_owned(),
            "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-User-Id: admin\r\nX_User_Id: admin\r\n\r\n"
                .to_owned(),
            format!("Content-Length: {length}\r\n\r\n{within}"),
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{within}"),
            format!("Content-Length: {length}\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n{within}"),
            format!("Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{within}"),
            format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{within}"),
            format!("Content-Length: +0\r\n\r\n{within}"),
        ] {
            site.send_raw("POST", "/app/", &format!("{headers}{body}")).await;
            assert_unharmed(&site, &user.id, &body);
        }
    }
}

#[actix_web::test]
async fn an_unverified_token_does_not_reach_the_server() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let user = site.register("ann").await;
        let (cookie, token) = (user.cookie(), user.value("__Host-access_token"));
        for first in [format!("Bearer {token}"), String::new()] {
            for name in ["Authorization", "authorization"] {
                let rest =
                    format!("Cookie: {cookie}\r\n{name}: {first}\r\nAuthorization: Bearer planted\r\n\r\n");
                site.send_raw("GET", "/app/", &rest).await;
                let received = site.upstream.received();
                assert!(!format!("{received:?}").contains("planted"), "{kind:?}: {received:?}");
            }
        }
        // Another scheme counts as no header: the cookie decides.
        let rest = format!("Cookie: {cookie}\r\nAuthorization: Basic eA==\r\n\r\n");
        site.send_raw("GET", "/app/", &rest).await;
        let received = site.upstream.received();
        assert_eq!(received.len(), 1, "{kind:?}");
        assert!(received[0].all("Authorization").is_empty(), "{received:?}");
        assert_eq!(received[0].all("X-User-Id"), [&user.id], "{kind:?}");
    }
}

/// Every request that reached the server has the identity of this user. Returns the number of requests.
fn assert_unharmed(site: &Site, id: &str, attempt: &str) -> usize {
    let received = site.upstream.received();
    for request in &received {
        let [user, roles, session] = NAMES.map(|name| request.all(name));
        assert_eq!((user, roles), (vec![id], vec!["-"]), "{:?}: {attempt:?}: {request:?}", site.kind);
        assert!(session.len() == 1 && session[0].len() == 36, "{:?}: {attempt:?}: {request:?}", site.kind);
        let forwarded = request.all("X-Forwarded-For");
        assert!(forwarded.is_empty() || forwarded == ["127.0.0.1"], "{:?}: {request:?}", site.kind);
    }
    assert!(
        received.len() <= 1,
        "{:?}: {attempt:?}: one request has become several: {received:?}",
        site.kind
    );
    received.len()
}
