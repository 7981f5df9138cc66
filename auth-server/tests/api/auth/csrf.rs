use awc::http::Method;

use crate::app::{ISSUER, Session, TestApp};

const APP: &str = "https://app.example.org";

async fn status(app: &TestApp, session: &Session, headers: &[(&str, &str)]) -> u16 {
    let mut call = app.post("/auth/refresh").cookie(&session.refresh_token);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    let response = call.send().await;
    if response.status == 403 {
        assert!(response.assert_problem(403, "origin_not_allowed").set_cookie().is_none());
        // The token was not spent.
        app.refresh(&session.refresh_token).await.assert_status(200);
        return 403;
    }
    response.status
}

#[actix_web::test]
async fn only_trusted_origins_may_use_the_cookies() {
    let table: &[(&[(&str, &str)], u16)] = &[
        (&[], 200),
        (&[("origin", ISSUER)], 200),
        (&[("origin", APP)], 200),
        (&[("origin", "https://app.example.org.evil.org")], 403),
        (&[("origin", "http://app.example.org")], 403),
        (&[("origin", "https://app.example.org:444")], 403),
        (&[("origin", "null")], 403),
        (&[("origin", "")], 403),
        (&[("origin", APP), ("origin", "https://evil.org")], 403),
        (&[("origin", APP), ("sec-fetch-site", "cross-site")], 200),
        (&[("origin", "https://evil.org"), ("sec-fetch-site", "same-origin")], 403),
        (&[("sec-fetch-site", "same-origin")], 200),
        (&[("sec-fetch-site", "none")], 200),
        (&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")], 403),
        (&[("referer", ISSUER), ("referer", "https://evil.org")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "cross-site"), ("referer", ISSUER)], 403),
        (&[("referer", "https://app.example.org/page?x=1")], 200),
        (&[("referer", "https://evil.org/https://app.example.org")], 403),
        (&[("referer", "nonsense")], 403),
    ];
    let app = TestApp::with(&["--allowed-origins", APP]).await;
    for (row, (headers, expected)) in table.iter().enumerate() {
        let session = app.register(&format!("user{row}")).await;
        assert_eq!(status(&app, &session, headers).await, *expected, "{headers:?}");
    }
}

#[actix_web::test]
async fn allowed_origins_may_read_responses_and_send_cookies() {
    let app = TestApp::with(&["--allowed-origins", APP]).await;
    let response = app.post("/auth/logout").header("origin", APP).send().await.assert_status(204);
    assert_eq!(response.header("access-control-allow-origin"), Some(APP));
    assert_eq!(response.header("access-control-allow-credentials"), Some("true"));
    let exposed = response.header("access-control-expose-headers").unwrap().to_lowercase();
    for name in ["retry-after", "www-authenticate", "x-request-id"] {
        assert!(exposed.contains(name), "{exposed}");
    }

    let rejected =
        app.post("/auth/refresh").header("origin", APP).send().await.assert_problem(401, "missing_token");
    assert_eq!(rejected.header("access-control-allow-origin"), Some(APP), "errors must be readable too");
}

#[actix_web::test]
async fn preflights_succeed_for_allowed_origins_only() {
    let app = TestApp::with(&["--allowed-origins", APP]).await;
    let preflight = |origin: &str| {
        app.call(Method::OPTIONS, "/auth/refresh")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type,idempotency-key,x-csrf-token",
            )
            .send()
    };
    let response = preflight(APP).await.assert_status(200);
    assert_eq!(response.header("access-control-allow-origin"), Some(APP));
    assert!(response.header("access-control-allow-methods").unwrap().contains("POST"));
    preflight("https://evil.org").await.assert_problem(403, "origin_not_allowed");
    preflight("null").await.assert_problem(403, "origin_not_allowed");
}

#[actix_web::test]
async fn without_allowed_origins_no_other_origin_can_read_responses() {
    let app = TestApp::start().await;
    let response = app.get("/auth/me").header("origin", APP).send().await;
    assert!(response.header("access-control-allow-origin").is_none());
}
