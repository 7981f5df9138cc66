use awc::http::Method;

use test_support::TestDatabase;

use crate::app::{ISSUER, Session, TestApp};
use crate::program;

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
                "authorization,content-type,idempotency-key,x-csrf-token,x-requested-with,x-request-id,\
                 traceparent,tracestate,baggage,sentry-trace",
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
async fn apps_can_be_allowed_and_origins_are_normalised() {
    let listed = "HTTPS://App.Example.org:443/ , capacitor://localhost,tauri://localhost,";
    let app = TestApp::with(&["--allowed-origins", listed, "--allowed-headers", "X-Tenant"]).await;
    for origin in [APP, "capacitor://localhost", "tauri://localhost"] {
        let preflight = app.call(Method::OPTIONS, "/auth/login").header("origin", origin);
        let preflight = preflight.header("access-control-request-method", "POST");
        let response = preflight.header("access-control-request-headers", "x-tenant").send().await;
        assert_eq!(response.assert_status(200).header("access-control-allow-origin"), Some(origin));
        let response = app.post("/auth/logout").header("origin", origin).send().await.assert_status(204);
        assert_eq!(response.header("access-control-allow-origin"), Some(origin));
    }
    let preflight = app.call(Method::OPTIONS, "/auth/login").header("origin", APP);
    let preflight = preflight.header("access-control-request-method", "POST");
    let rejected = preflight.header("access-control-request-headers", "x-other").send().await;
    let detail = rejected.assert_problem(400, "malformed_request").json()["detail"].clone();
    assert_eq!(detail, "The request header x-other is not in ALLOWED_HEADERS.");
}

#[actix_web::test]
async fn a_rejected_origin_is_explained_in_development_only() {
    let post = async |app: &TestApp| {
        let response = app.post("/auth/logout").header("origin", "https://page.example").send().await;
        let problem = response.assert_problem(403, "origin_not_allowed").json();
        problem["detail"].as_str().expect("a sentence").to_owned()
    };
    let sentence = "The origin https://page.example is not in ALLOWED_ORIGINS.";
    assert_eq!(post(&TestApp::start().await).await, sentence);
    let detail = post(&TestApp::with(&["--issuer", "https://auth.example.org"]).await).await;
    assert!(!detail.contains("https://page.example"), "{detail}");
}

#[actix_web::test]
async fn a_rejected_origin_is_logged_once() {
    let server = program::start(&TestDatabase::fresh(), &[("ISSUER", "https://auth.example.org")]).await;
    for _ in 0..3 {
        server.post("/auth/logout").header("origin", "https://page.example").send().await.assert_status(403);
    }
    let log = server.kill();
    assert_eq!(log.matches("The origin https://page.example is not in ALLOWED_ORIGINS").count(), 1, "{log}");
}

#[actix_web::test]
async fn without_allowed_origins_no_other_origin_can_read_responses() {
    let app = TestApp::start().await;
    let response = app.get("/auth/me").header("origin", APP).send().await;
    assert!(response.header("access-control-allow-origin").is_none());
}
