use awc::http::Method;
use test_support::{Call, Response};

use crate::app::TestApp;

fn assert_headers(response: &Response) {
    for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")] {
        let values: Vec<_> = response.headers.get_all(name).collect();
        assert_eq!(values, [value], "{name} of status {}: {}", response.status, response.text());
    }
}

#[actix_web::test]
async fn every_response_has_the_security_headers() {
    const APP: &str = "https://app.example.org";
    let flags = ["--metrics-addr", "127.0.0.1:0", "--demo-api-url", "http://localhost:1"];
    let app = TestApp::with(&[&flags[..], &["--allowed-origins", APP]].concat()).await;
    let preflight = |origin: &str| {
        let call = app.call(Method::OPTIONS, "/auth/login").header("origin", origin);
        call.header("access-control-request-method", "POST")
    };
    let tag = app.get("/.well-known/jwks.json").send().await.header("etag").expect("a tag").to_owned();
    let metrics =
        |path| Call::new(Method::GET, format!("{}{path}", app.metrics_url.as_ref().expect("a URL")));
    for (status, call) in [
        (200, app.get("/healthz")),
        (200, app.call(Method::HEAD, "/openapi.json")),
        (200, app.get("/demo/")),
        (200, app.get("/client/auth.js")),
        (204, app.post("/auth/logout")),
        (307, app.get("/")),
        (304, app.get("/.well-known/jwks.json").header("if-none-match", &tag)),
        (400, app.post("/auth/login").header("content-type", "application/json").raw("{")),
        (401, app.get("/auth/me")),
        (403, app.post("/auth/login").header("origin", "https://evil.example")),
        (404, app.get("/nowhere")),
        (404, app.get("/%ff")),
        (405, app.call(Method::PUT, "/auth/login")),
        (413, app.post("/auth/login").header("content-type", "application/json").raw(vec![b' '; 20_000])),
        (415, app.post("/auth/login").header("content-type", "text/plain").raw("{}")),
        (200, preflight(APP)),
        (400, preflight(APP).header("access-control-request-headers", "x-other")),
        (403, preflight("https://evil.example")),
        (200, metrics("/metrics")),
        (404, metrics("/nowhere")),
    ] {
        assert_headers(&call.send().await.assert_status(status));
    }
}
