//! Errors of this server only, and errors that require tokens which no auth server issues. Errors of all calls are a table in
//! `e2e/tests/e2e/bad_input.rs`.

use awc::http::Method;
use chrono::TimeDelta;
use shared_claims::testing::{SigningKey, refresh_claims};
use shared_claims::{AccessClaims, Algorithm, Audience, Clock};

use crate::api::Api;

const WITH_TOKEN: [(Method, &str); 5] = [
    (Method::GET, "/protected"),
    (Method::GET, "/profile"),
    (Method::GET, "/admin"),
    (Method::POST, "/transfer"),
    (Method::GET, "/verify"),
];

#[actix_web::test]
async fn without_a_token_the_challenge_names_no_error() {
    let api = Api::ready().await;
    for (method, path) in WITH_TOKEN {
        for headers in [&[][..], &[("authorization", "Basic QWRhOnB3")], &[("cookie", "access_token=abc")]] {
            let response = api.send(method.clone(), path, headers).await;
            response.assert_problem(401, "missing_token");
            assert_eq!(response.header("www-authenticate"), Some(r#"Bearer realm="latchkey""#), "{path}");
        }
    }
}

#[actix_web::test]
async fn every_response_has_the_security_headers() {
    const PAGE: (&str, &str) = ("origin", "https://app.example");
    const EVIL: (&str, &str) = ("origin", "https://evil.example");
    let api = Api::ready_with(&["--allowed-origins", PAGE.1]).await;
    let tag = api.get("/openapi.json", &[]).await.header("etag").expect("a tag").to_owned();
    for (status, method, path, headers) in [
        (200, Method::GET, "/healthz", &[][..]),
        (200, Method::GET, "/greeting", &[PAGE]),
        (304, Method::GET, "/openapi.json", &[("if-none-match", tag.as_str())]),
        (401, Method::GET, "/protected", &[]),
        (404, Method::GET, "/nowhere", &[]),
        (405, Method::PUT, "/transfer", &[]),
        (200, Method::OPTIONS, "/greeting", &[PAGE, ("access-control-request-method", "GET")]),
        (400, Method::OPTIONS, "/greeting", &[PAGE, ("access-control-request-method", "PUT")]),
        (403, Method::OPTIONS, "/greeting", &[EVIL, ("access-control-request-method", "GET")]),
    ] {
        let response = api.send(method, path, headers).await;
        assert_eq!(response.status, status, "{path}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{path}, {status}");
        assert_eq!(response.header("referrer-policy"), Some("no-referrer"), "{path}, {status}");
    }
}

#[actix_web::test]
async fn a_token_in_the_query_is_ignored() {
    let api = Api::ready().await;
    let path = format!("/protected?access_token={}", api.issuer.token());
    api.get(&path, &[]).await.assert_problem(401, "missing_token");
}

#[actix_web::test]
async fn a_token_for_another_server_is_rejected_everywhere() {
    let api = Api::ready().await;
    let claims = api.issuer.claims();
    let key = &api.issuer.key;
    let elsewhere = AccessClaims { aud: Audience::One("mail".to_owned()), ..claims.clone() };
    let foreign = AccessClaims { iss: "https://auth.example".to_owned(), ..claims.clone() };
    let bad = [
        "garbage".to_owned(),
        key.access_token(&elsewhere),
        key.access_token(&foreign),
        key.refresh_token(&refresh_claims(&api.issuer.url, api.clock.now())),
        SigningKey::generate(Algorithm::Es256).access_token(&claims),
        SigningKey::from_secret(key.jwk().to_string().as_bytes()).access_token(&claims),
    ];
    for (method, path) in WITH_TOKEN {
        for token in &bad {
            let bearer = format!("Bearer {token}");
            let response = api.send(method.clone(), path, &[("authorization", &bearer)]).await;
            response.assert_challenged(401, "invalid_token", "invalid_token");
        }
    }
}

#[actix_web::test]
async fn a_token_expires_fifteen_minutes_and_five_seconds_after_its_issue() {
    let api = Api::ready().await;
    let token = api.issuer.token();
    api.clock.advance(TimeDelta::seconds(15 * 60 + 4));
    api.get_with("/protected", &token).await.assert_personal();
    api.clock.advance(TimeDelta::seconds(1));
    api.get_with("/protected", &token).await.assert_challenged(401, "token_expired", "invalid_token");
}

#[actix_web::test]
async fn an_unknown_path_is_not_found_whatever_the_method() {
    let api = Api::ready().await;
    for path in ["/", "/nowhere", "/protected/", "/protected/x", "/admin%2f", "/verify/", "/../etc/passwd"] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
            api.send(method, path, &[]).await.assert_problem(404, "not_found");
        }
    }
}
