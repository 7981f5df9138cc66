//! CORS: the origins whose pages may read responses.

use awc::http::Method;
use test_support::{Program, free_address};

use crate::api::{Api, Response};

const PAGE: &str = "https://app.example";
const OTHER: &str = "http://localhost:5173";

async fn preflight(api: &Api, origin: &str, method: &str, headers: &str) -> Response {
    let asked = [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", headers),
    ];
    api.send(Method::OPTIONS, "/protected", &asked).await
}

fn listed(response: &Response, name: &str) -> Vec<String> {
    let mut values: Vec<_> = response
        .header(name)
        .unwrap_or_default()
        .split(',')
        .map(|value| value.trim().to_lowercase())
        .collect();
    values.sort();
    values
}

#[actix_web::test]
async fn an_allowed_origin_may_send_credentials_and_read_responses() {
    let api = Api::ready_with(&["--allowed-origins", &format!("{PAGE}, {OTHER}")]).await;
    let headers = "authorization, content-type, idempotency-key, x-csrf-token";
    for origin in [PAGE, OTHER] {
        let response = preflight(&api, origin, "GET", headers).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.header("access-control-allow-origin"), Some(origin));
        assert_eq!(response.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(
            listed(&response, "access-control-allow-headers"),
            [
                "authorization",
                "baggage",
                "content-type",
                "idempotency-key",
                "sentry-trace",
                "traceparent",
                "tracestate",
                "x-csrf-token",
                "x-request-id",
                "x-requested-with"
            ]
        );
        assert_eq!(listed(&response, "access-control-allow-methods"), ["get", "head", "post"]);

        let bearer = format!("Bearer {}", api.issuer.token());
        let response = api.get("/protected", &[("origin", origin), ("authorization", &bearer)]).await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (200, Some(origin)));
        assert_eq!(
            listed(&response, "access-control-expose-headers"),
            ["retry-after", "www-authenticate", "x-request-id"]
        );
        assert!(response.header("vary").expect("Vary").to_lowercase().contains("origin"));
    }
}

#[actix_web::test]
async fn an_allowed_origin_can_read_errors_too() {
    let api = Api::ready_with(&["--allowed-origins", PAGE]).await;
    for (method, path, status) in [
        (Method::GET, "/protected", 401),
        (Method::GET, "/nowhere", 404),
        (Method::DELETE, "/protected", 405),
    ] {
        let response = api.send(method, path, &[("origin", PAGE)]).await;
        assert_eq!(
            (response.status, response.header("access-control-allow-origin")),
            (status, Some(PAGE)),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn other_origins_cannot_read_responses() {
    let api = Api::ready_with(&["--allowed-origins", PAGE]).await;
    for origin in [
        "https://evil.example",
        "https://app.example.evil.example",
        "http://app.example",
        "https://app.example:8443",
        "https://APP.example",
        "null",
    ] {
        let response = preflight(&api, origin, "GET", "authorization").await;
        response.assert_problem(403, "origin_not_allowed");
        assert_eq!(response.header("access-control-allow-origin"), None, "{origin}");
        let detail = response.json()["detail"].as_str().expect("a sentence").to_owned();
        assert!(detail.contains(origin) && detail.contains("ALLOWED_ORIGINS"), "{detail}");
        let response = api.get("/greeting", &[("origin", origin)]).await;
        assert_eq!(
            (response.status, response.header("access-control-allow-origin")),
            (200, None),
            "{origin}"
        );
    }
    let response = preflight(&api, PAGE, "DELETE", "authorization").await;
    response.assert_problem(400, "malformed_request");
    let response = preflight(&api, PAGE, "GET", "authorization, x-other").await;
    response.assert_problem(400, "malformed_request");
    assert_eq!(response.json()["detail"], "The request header x-other is not in ALLOWED_HEADERS.");
}

#[actix_web::test]
async fn apps_and_extensions_can_be_allowed() {
    let origins =
        ["capacitor://localhost", "tauri://localhost", "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb"];
    let api =
        Api::ready_with(&["--allowed-origins", &origins.join(", "), "--allowed-headers", "X-Tenant"]).await;
    for origin in origins {
        let headers =
            "x-tenant, traceparent, tracestate, baggage, sentry-trace, x-requested-with, x-request-id";
        let response = preflight(&api, origin, "GET", headers).await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (200, Some(origin)));
        let response = api.get("/greeting", &[("origin", origin)]).await;
        assert_eq!(response.header("access-control-allow-origin"), Some(origin));
    }
    preflight(&api, "capacitor://other", "GET", "").await.assert_problem(403, "origin_not_allowed");
}

#[actix_web::test]
async fn a_rejected_origin_is_logged_once_with_the_setting() {
    let server = Program::start(env!("CARGO_BIN_EXE_resource-server"), free_address(), &[]).await;
    let call = |method, origin: &str, site: &str| {
        let call = server.call(method, "/greeting").header("origin", origin).header("sec-fetch-site", site);
        call.header("access-control-request-method", "GET").send()
    };
    for _ in 0..2 {
        call(Method::OPTIONS, OTHER, "same-site").await;
        call(Method::GET, "https://other.example", "cross-site").await;
        call(Method::GET, "https://own.example", "same-origin").await;
        call(Method::OPTIONS, "null", "cross-site").await;
    }
    let log = server.kill();
    for (origin, times) in [(OTHER, 1), ("https://other.example", 1), ("https://own.example", 0)] {
        assert_eq!(
            log.matches(&format!("The origin {origin} is not in ALLOWED_ORIGINS")).count(),
            times,
            "{log}"
        );
    }
    assert_eq!(log.matches("The origin null, of local files and sandboxed frames").count(), 1, "{log}");
}

#[actix_web::test]
async fn without_allowed_origins_there_is_no_cors() {
    let api = Api::ready().await;
    preflight(&api, PAGE, "GET", "authorization").await.assert_problem(403, "origin_not_allowed");
    let response = api.get("/greeting", &[("origin", PAGE)]).await;
    assert_eq!(response.status, 200);
    assert!(response.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
}
