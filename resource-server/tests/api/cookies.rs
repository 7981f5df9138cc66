//! `ACCEPT_COOKIE`: the access token in a cookie, for pages that never handle a token.

use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;

use crate::api::{Api, Response};

const CSRF: &str = "bm90IGEgc2VjcmV0IGF0IGFsbA";

async fn accepting() -> (Api, String) {
    let api = Api::ready_with(&["--accept-cookie"]).await;
    let mut claims = api.issuer.claims();
    claims.csrf = Some(CSRF.to_owned());
    let token = api.issuer.key.access_token(&claims);
    (api, token)
}

async fn transfer(api: &Api, cookie: &str, more: &[(&str, &str)]) -> Response {
    let headers: Vec<_> = [("cookie", cookie)].into_iter().chain(more.iter().copied()).collect();
    api.send(Method::POST, "/transfer", &headers).await
}

#[actix_web::test]
async fn the_cookie_is_ignored_without_the_setting() {
    let api = Api::ready().await;
    let cookie = format!("__Host-access_token={}", api.issuer.token());
    let response = api.get("/profile", &[("cookie", &cookie)]).await;
    response.assert_problem(401, "missing_token");
    assert!(!response.json()["detail"].as_str().expect("a detail").contains("cookie"));
    let document = api.get("/openapi.json", &[]).await.json();
    assert!(!document.to_string().contains("\"access_cookie\""));
    assert_eq!(document["paths"]["/transfer"]["post"].get("parameters"), None);
}

#[actix_web::test]
async fn every_route_accepts_the_cookie() {
    let (api, token) = accepting().await;
    // The issuer of the tests uses plain HTTP, so both names are valid.
    for name in ["__Host-access_token", "access_token"] {
        let cookie = format!("__Host-csrf_token={CSRF}; {name}={token}; other");
        for path in ["/protected", "/profile", "/greeting"] {
            api.get(path, &[("cookie", &cookie)]).await.assert_personal();
        }
        let greeting = api.get("/greeting", &[("cookie", &cookie)]).await;
        assert_eq!(greeting.json(), json!({"message": "Hello Ada"}));
        api.get("/admin", &[("cookie", &cookie)]).await.assert_problem(403, "role_required");
    }
    let detail = api.get("/profile", &[]).await.json()["detail"].clone();
    assert!(detail.as_str().expect("a detail").contains("cookie"));
}

#[actix_web::test]
async fn unsafe_methods_require_the_csrf_token() {
    let (api, token) = accepting().await;
    let cookie = format!("access_token={token}; csrf_token={CSRF}");
    for wrong in [&[][..], &[("x-csrf-token", "wrong")], &[("x-csrf-token", CSRF), ("x-csrf-token", CSRF)]] {
        let response = transfer(&api, &cookie, wrong).await;
        response.assert_problem(403, "csrf_failed");
        assert_eq!(response.header("www-authenticate"), Some(r#"Bearer realm="latchkey""#));
    }
    transfer(&api, &cookie, &[("x-csrf-token", CSRF)]).await.assert_personal();
    let bearer = format!("Bearer {token}");
    let by_header = [("authorization", bearer.as_str())];
    transfer(&api, &cookie, &by_header).await.assert_personal();
}

#[actix_web::test]
async fn a_token_without_the_csrf_claim_is_rejected_in_the_cookie() {
    let (api, _) = accepting().await;
    let cookie = format!("access_token={}", api.issuer.token());
    for path in ["/protected", "/profile", "/admin", "/greeting"] {
        api.get(path, &[("cookie", &cookie)]).await.assert_problem(403, "csrf_failed");
    }
    transfer(&api, &cookie, &[("x-csrf-token", "")]).await.assert_problem(403, "csrf_failed");
}

#[actix_web::test]
async fn an_expired_cookie_is_rejected_and_one_of_another_program_is_skipped() {
    let (api, token) = accepting().await;
    let twice = format!("access_token={token}; __Host-access_token=x");
    api.get("/profile", &[("cookie", &twice)]).await.assert_personal();
    api.clock.advance(TimeDelta::minutes(16));
    let cookie = format!("access_token={token}");
    transfer(&api, &cookie, &[]).await.assert_challenged(401, "token_expired", "invalid_token");
}

#[actix_web::test]
async fn the_openapi_document_describes_the_cookie() {
    let (api, _) = accepting().await;
    let document = api.get("/openapi.json", &[]).await.json();
    let scheme = &document["components"]["securitySchemes"]["access_cookie"];
    assert_eq!((&scheme["type"], &scheme["in"]), (&json!("apiKey"), &json!("cookie")));
    assert_eq!(scheme["name"], json!("__Host-access_token"));
    let transfer = &document["paths"]["/transfer"]["post"];
    assert_eq!(transfer["security"], json!([{"access_token": []}, {"access_cookie": []}]));
    assert_eq!(transfer["parameters"][0]["name"], json!("X-CSRF-Token"));
    let refused = |path: &str, method: &str| {
        let responses = &document["paths"][path][method]["responses"]["403"]["description"];
        responses.as_str().is_some_and(|text| text.contains("`csrf_failed`"))
    };
    assert!(refused("/transfer", "post") && refused("/profile", "get") && !refused("/healthz", "get"));
    assert_eq!(document["paths"]["/profile"]["get"].get("parameters"), None);
}
