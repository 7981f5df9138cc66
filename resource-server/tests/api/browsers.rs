//! CORS: which pages may read answers.

use awc::http::Method;

use crate::api::{Answer, Api};

const PAGE: &str = "https://app.example";
const OTHER: &str = "http://localhost:5173";

async fn preflight(api: &Api, origin: &str, method: &str, headers: &str) -> Answer {
    let asked = [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", headers),
    ];
    api.send(Method::OPTIONS, "/protected", &asked).await
}

fn listed(answer: &Answer, name: &str) -> Vec<String> {
    let mut values: Vec<_> =
        answer.header(name).unwrap_or_default().split(',').map(|value| value.trim().to_lowercase()).collect();
    values.sort();
    values
}

#[actix_web::test]
async fn an_allowed_origin_may_call_with_credentials_and_read_answers() {
    let api = Api::ready_with(&["--allowed-origins", &format!("{PAGE}, {OTHER}")]).await;
    let wanted = "authorization, content-type, idempotency-key, x-csrf-token";
    for origin in [PAGE, OTHER] {
        let answer = preflight(&api, origin, "GET", wanted).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(
            listed(&answer, "access-control-allow-headers"),
            ["authorization", "content-type", "idempotency-key", "x-csrf-token"]
        );
        assert_eq!(listed(&answer, "access-control-allow-methods"), ["get", "head", "post"]);

        let bearer = format!("Bearer {}", api.issuer.token());
        let answer = api.get("/protected", &[("origin", origin), ("authorization", &bearer)]).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(origin)));
        assert_eq!(
            listed(&answer, "access-control-expose-headers"),
            ["retry-after", "www-authenticate", "x-request-id"]
        );
        assert!(answer.header("vary").expect("Vary").to_lowercase().contains("origin"));
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
        let answer = api.send(method, path, &[("origin", PAGE)]).await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (status, Some(PAGE)),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn any_other_origin_reads_nothing() {
    let api = Api::ready_with(&["--allowed-origins", PAGE]).await;
    for origin in [
        "https://evil.example",
        "https://app.example.evil.example",
        "http://app.example",
        "https://app.example:8443",
        "https://APP.example",
        "null",
    ] {
        let answer = preflight(&api, origin, "GET", "authorization").await;
        answer.assert_problem(400, "malformed_request");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        let answer = api.get("/greeting", &[("origin", origin)]).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None), "{origin}");
    }
    let answer = preflight(&api, PAGE, "DELETE", "authorization").await;
    answer.assert_problem(400, "malformed_request");
    let answer = preflight(&api, PAGE, "GET", "x-other").await;
    answer.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn without_allowed_origins_there_is_no_cors() {
    let api = Api::ready().await;
    preflight(&api, PAGE, "GET", "authorization").await.assert_problem(405, "method_not_allowed");
    let answer = api.get("/greeting", &[("origin", PAGE)]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
}
