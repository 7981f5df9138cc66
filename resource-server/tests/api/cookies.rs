//! `ACCEPT_COOKIE`: the access token in a cookie, for pages that never touch a token.

use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;

use crate::api::{Answer, Api};

const CSRF: &str = "bm90IGEgc2VjcmV0IGF0IGFsbA";

async fn accepting() -> (Api, String) {
    let api = Api::ready_with(&["--accept-cookie"]).await;
    let mut claims = api.issuer.claims();
    claims.csrf = Some(CSRF.to_owned());
    let token = api.issuer.key.access_token(&claims);
    (api, token)
}

async fn transfer(api: &Api, cookie: &str, more: &[(&str, &str)]) -> Answer {
    let headers: Vec<_> = [("cookie", cookie)].into_iter().chain(more.iter().copied()).collect();
    api.send(Method::POST, "/transfer", &headers).await
}

#[actix_web::test]
async fn a_token_in_the_cookie_is_nothing_unless_the_setting_says_so() {
    let api = Api::ready().await;
    let cookie = format!("__Host-access_token={}", api.issuer.token());
    let answer = api.get("/profile", &[("cookie", &cookie)]).await;
    answer.assert_problem(401, "missing_token");
    assert!(!answer.json()["detail"].as_str().expect("a detail").contains("cookie"));
    let document = api.get("/openapi.json", &[]).await.json();
    assert!(!document.to_string().contains("\"access_cookie\""));
    assert_eq!(document["paths"]["/transfer"]["post"].get("parameters"), None);
}

#[actix_web::test]
async fn every_route_takes_it() {
    let (api, token) = accepting().await;
    // The issuer of the tests speaks plain HTTP, so that its cookies may have either name.
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
async fn what_changes_something_needs_the_csrf_token() {
    let (api, token) = accepting().await;
    let cookie = format!("access_token={token}; csrf_token={CSRF}");
    for wrong in [&[][..], &[("x-csrf-token", "wrong")], &[("x-csrf-token", CSRF), ("x-csrf-token", CSRF)]] {
        let answer = transfer(&api, &cookie, wrong).await;
        answer.assert_problem(403, "csrf_failed");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="latchkey""#));
    }
    transfer(&api, &cookie, &[("x-csrf-token", CSRF)]).await.assert_personal();
    let bearer = format!("Bearer {token}");
    let by_header = [("authorization", bearer.as_str())];
    transfer(&api, &cookie, &by_header).await.assert_personal();
}

#[actix_web::test]
async fn no_claim_no_access() {
    let (api, _) = accepting().await;
    let cookie = format!("access_token={}", api.issuer.token());
    for path in ["/protected", "/profile", "/admin", "/greeting"] {
        api.get(path, &[("cookie", &cookie)]).await.assert_problem(403, "csrf_failed");
    }
    transfer(&api, &cookie, &[("x-csrf-token", "")]).await.assert_problem(403, "csrf_failed");
}

#[actix_web::test]
async fn an_expired_one_says_so_and_two_are_one_too_many() {
    let (api, token) = accepting().await;
    let twice = format!("access_token={token}; __Host-access_token={token}");
    let answer = api.get("/profile", &[("cookie", &twice)]).await;
    answer.assert_refused(400, "malformed_request", "invalid_request");
    api.clock.advance(TimeDelta::minutes(16));
    let cookie = format!("access_token={token}");
    transfer(&api, &cookie, &[]).await.assert_refused(401, "token_expired", "invalid_token");
}

#[actix_web::test]
async fn the_description_tells_of_it() {
    let (api, _) = accepting().await;
    let document = api.get("/openapi.json", &[]).await.json();
    let scheme = &document["components"]["securitySchemes"]["access_cookie"];
    assert_eq!((&scheme["type"], &scheme["in"]), (&json!("apiKey"), &json!("cookie")));
    assert_eq!(scheme["name"], json!("__Host-access_token"));
    let transfer = &document["paths"]["/transfer"]["post"];
    assert_eq!(transfer["security"], json!([{"access_token": []}, {"access_cookie": []}]));
    assert_eq!(transfer["parameters"][0]["name"], json!("X-CSRF-Token"));
    let refused = |path: &str, method: &str| {
        let answers = &document["paths"][path][method]["responses"]["403"]["description"];
        answers.as_str().is_some_and(|text| text.contains("`csrf_failed`"))
    };
    assert!(refused("/transfer", "post") && refused("/profile", "get") && !refused("/healthz", "get"));
    assert_eq!(document["paths"]["/profile"]["get"].get("parameters"), None);
}
