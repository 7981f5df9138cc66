//! One table of requests for both frameworks: the same status, code, challenge and body on each.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use awc::http::Method;
use axum::routing::get;
use axum::{Extension, Router};
use chrono::TimeDelta;
use serde_json::{Value, json};
use shared_claims::axum::require_token;
use shared_claims::testing::{SigningKey, jwk_set};
use shared_claims::{
    AcceptCookie, AccessTokenValidator, Algorithm, Authenticated, Clock as _, JwksSource, KeySet,
    MaybeAuthenticated, RemoteKeySet, RemoteKeySetOptions, Revocations, TokenError,
};

use crate::fixture::{self, Fixture, ISSUER, assembled};
use crate::service::{Plan, Response, Service};

/// A request: path, method and headers. The response: status, and the code or the text of the body.
type Case = (&'static str, Method, Vec<(&'static str, String)>, (u16, &'static str));

/// The headers that the rules set.
const HEADERS: [&str; 4] = ["content-type", "cache-control", "retry-after", "www-authenticate"];

#[actix_web::test]
async fn every_request_has_the_same_response_on_both_frameworks() {
    let fixture = Fixture::new();
    let cookies = Some(AcceptCookie::of_issuer(ISSUER));
    let services = both(&fixture.validator, cookies);
    for case in cases(&fixture) {
        check(&services, case).await;
    }
    for token in bad_tokens(&fixture) {
        for path in ["/hello", "/maybe", "/typed", "/guarded"] {
            check(&services, (path, Method::GET, bearer(&token), (401, "invalid_token"))).await;
        }
    }
    let token = fixture.token();
    fixture.clock.advance(TimeDelta::minutes(16));
    for path in ["/hello", "/maybe", "/guarded"] {
        check(&services, (path, Method::GET, bearer(&token), (401, "token_expired"))).await;
    }

    let without_cookies = both(&fixture.validator, None);
    let cookie = vec![("Cookie", format!("__Host-access_token={token}"))];
    check(&without_cookies, ("/hello", Method::GET, cookie, (401, "missing_token"))).await;

    let without_keys = both(&fixture::validator(KeySet::default(), &fixture.clock), None);
    check(&without_keys, ("/hello", Method::GET, bearer(&token), (503, "unavailable"))).await;
}

fn cases(fixture: &Fixture) -> Vec<Case> {
    let token = fixture.token();
    let with = |name: &str, value: Value| bearer(&fixture.token_with(name, value));
    let basic = vec![("Authorization", "Basic eA==".to_owned())];
    let csrf_token = fixture.token_with("csrf", json!("c"));
    let cookie = || ("Cookie", format!("a=; nonsense; __Host-access_token={csrf_token}; b"));
    let csrf = |value: &str| vec![cookie(), ("X-CSRF-Token", value.to_owned())];
    let other_session = fixture.token_with("sid", json!("2bd1a8ba-62cf-4cd1-9a4d-7d2c8e8d1f3a"));
    let two_sessions = format!("__Host-access_token={token}; __Host-access_token={other_session}");
    let now = fixture.claims().iat;
    vec![
        ("/hello", Method::GET, vec![], (401, "missing_token")),
        ("/hello", Method::GET, basic.clone(), (401, "missing_token")),
        ("/hello", Method::GET, bearer("bad"), (401, "invalid_token")),
        ("/hello", Method::GET, bearer(""), (401, "invalid_token")),
        ("/hello", Method::GET, bearer(&format!("{token} x")), (401, "invalid_token")),
        ("/hello", Method::GET, [bearer(&token), bearer(&token)].concat(), (400, "malformed_request")),
        ("/hello", Method::GET, [basic, bearer(&token)].concat(), (400, "malformed_request")),
        ("/maybe", Method::GET, vec![], (200, "anonymous")),
        ("/maybe", Method::GET, bearer(&token), (200, "Ada")),
        ("/maybe", Method::GET, bearer("bad"), (401, "invalid_token")),
        ("/admin", Method::GET, bearer(&token), (403, "role_required")),
        ("/admin", Method::GET, with("roles", json!(["admin"])), (200, "admin")),
        ("/fresh", Method::GET, with("auth_time", json!(now - 300)), (200, "fresh")),
        ("/fresh", Method::GET, with("auth_time", json!(now - 301)), (403, "fresh_login_required")),
        ("/strong", Method::GET, bearer(&token), (403, "stronger_login_required")),
        ("/strong", Method::GET, with("acr", json!("2fa")), (403, "stronger_login_required")),
        ("/strong", Method::GET, with("acr", json!("mfa")), (200, "mfa")),
        ("/strong", Method::GET, with("acr", json!("phr")), (200, "phr")),
        ("/strong-and-fresh", Method::GET, bearer(&token), (403, "stronger_login_required")),
        ("/strong-and-fresh", Method::GET, with("acr", json!("mfa")), (200, "mfa")),
        ("/typed", Method::GET, with("plan", json!("team")), (200, "team")),
        ("/typed", Method::GET, with("plan", json!(1)), (401, "invalid_token")),
        ("/guarded", Method::GET, vec![], (401, "missing_token")),
        ("/guarded", Method::GET, bearer(&token), (200, "open")),
        ("/maybe", Method::GET, vec![cookie()], (200, "Ada")),
        ("/any-method", Method::POST, vec![cookie()], (403, "csrf_failed")),
        ("/any-method", Method::POST, csrf("d"), (403, "csrf_failed")),
        ("/any-method", Method::POST, [csrf("c"), csrf("c")].concat(), (403, "csrf_failed")),
        ("/guarded", Method::DELETE, csrf("c"), (200, "open")),
        ("/guarded", Method::DELETE, vec![cookie()], (403, "csrf_failed")),
        ("/hello", Method::GET, vec![("Cookie", two_sessions)], (400, "malformed_request")),
        ("/hello", Method::GET, vec![("Cookie", format!("access_token={token}"))], (401, "missing_token")),
    ]
}

/// Tokens that break one rule each.
fn bad_tokens(fixture: &Fixture) -> Vec<String> {
    let token = fixture.token();
    let (signed, signature) = token.rsplit_once('.').expect("a token");
    let mut without_exp = fixture.claims_json();
    without_exp.as_object_mut().expect("claims").remove("exp");
    let mut unsigned = fixture.key.access_header();
    unsigned["alg"] = json!("none");
    vec![
        fixture.token_with("aud", json!("other")),
        fixture.token_with("iss", json!(format!("{ISSUER}/"))),
        fixture.token_with("type", json!("refresh")),
        fixture.token_with("sub", json!(1)),
        fixture.token_with("iat", json!(fixture.claims().iat + 3600)),
        fixture.token_with_claims(&without_exp),
        fixture.token_headed("typ", json!("JWT")),
        fixture.token_headed("kid", json!("unknown")),
        fixture.token_headed("crit", json!(["exp"])),
        assembled(&unsigned, &fixture.claims_json(), b""),
        SigningKey::generate(Algorithm::Es256).access_token(&fixture.claims()),
        format!("{signed}.{}", signature.chars().rev().collect::<String>()),
        format!("{signed}."),
        "x".repeat(9000),
    ]
}

#[actix_web::test]
async fn every_revoked_token_has_the_same_response_on_both_frameworks() {
    let fixture = Fixture::new();
    let (token, claims) = (fixture.token(), fixture.claims());
    let until = fixture.clock.now() + TimeDelta::minutes(17);
    let revocations = Revocations::new(Some(Duration::from_secs(30)));
    let services = both(&fixture.validator.clone().with_revocations(revocations.clone()), None);
    let expect = async |expected| {
        for path in ["/hello", "/maybe", "/guarded"] {
            check(&services, (path, Method::GET, bearer(&token), expected)).await;
        }
    };
    expect((503, "unavailable")).await;
    let apply = |list: &str, entries: Value| {
        let mut page = json!({"cursor": "x.1", "snapshot": true, "sessions": [], "users": [], "keys": []});
        page[list] = entries;
        revocations.apply(serde_json::from_value(page).expect("a page"), fixture.clock.now());
    };
    for (list, entry, expected) in [
        ("sessions", json!({"sid": claims.sid, "until": until}), (401, "session_ended")),
        ("users", json!({"sub": claims.sub, "uv": claims.uv + 1, "until": until}), (401, "token_stale")),
        ("keys", json!({"kid": fixture.key.kid(), "until": until}), (401, "invalid_token")),
    ] {
        apply(list, json!([entry]));
        expect(expected).await;
    }
    apply("keys", json!([]));
    fixture.clock.advance(TimeDelta::seconds(31));
    expect((503, "unavailable")).await;
}

#[actix_web::test]
async fn a_problem_can_name_the_page_of_the_issuer_about_it() {
    let fixture = Fixture::new();
    let token = fixture.token_with("auth_time", json!(fixture.claims().iat - 301));
    for (validator, pages) in
        [(fixture.validator.clone(), ""), (fixture.validator.clone().with_error_pages(), ISSUER)]
    {
        for service in both(&validator, None) {
            for (path, authorization, code) in [
                ("/hello", vec![], "missing_token"),
                ("/maybe", bearer("bad"), "invalid_token"),
                ("/guarded", [bearer("bad"), bearer("bad")].concat(), "malformed_request"),
                ("/admin", bearer(&token), "role_required"),
                ("/fresh", bearer(&token), "fresh_login_required"),
                ("/strong", bearer(&token), "stronger_login_required"),
            ] {
                let values: Vec<_> = authorization.iter().map(|(_, value)| value.as_str()).collect();
                let problem = service.get(path, &values).await.json();
                assert_eq!(problem["type"], json!(format!("{pages}/docs/errors#{code}")));
            }
        }
    }
}

#[actix_web::test]
async fn axum_verifies_the_signature_of_a_token_once() {
    let fixture = Fixture::new();
    let [_, axum] = both(&fixture.validator, None);
    let token = fixture.token();
    for _ in 0..3 {
        assert_eq!(axum.get_with("/guarded", &token).await.status, 200);
    }
    let cache = fixture.validator.cache_status().expect("a cache");
    assert_eq!((cache.tokens, cache.hits), (1, 2));
}

async fn check([actix, axum]: &[Service; 2], (path, method, headers, expected): Case) {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let send = async |service: &Service| service.send_headed(method.clone(), path, &headers, "").await;
    let (actix, axum) = (send(actix).await, send(axum).await);
    let outcome = |response: &Response| {
        let code = response.json()["code"].as_str().map(str::to_owned);
        (response.status, code.unwrap_or_else(|| response.text().to_owned()))
    };
    assert_eq!(outcome(&actix), (expected.0, expected.1.to_owned()), "actix: {method} {path} {headers:?}");
    assert_eq!(outcome(&axum), (expected.0, expected.1.to_owned()), "axum: {method} {path} {headers:?}");
    assert_eq!(axum.body, actix.body, "{method} {path} {headers:?}");
    for name in HEADERS {
        assert_eq!(axum.headers.get(name), actix.headers.get(name), "{name}: {method} {path} {headers:?}");
    }
}

fn bearer(token: &str) -> Vec<(&'static str, String)> {
    vec![("Authorization", format!("Bearer {token}"))]
}

fn both(validator: &AccessTokenValidator, cookie: Option<AcceptCookie>) -> [Service; 2] {
    [Service::start_with(validator.clone(), cookie), Service::start_on_axum(validator.clone(), cookie)]
}

#[actix_web::test]
async fn axum_validates_a_token_once_for_the_guard_and_all_extractors() {
    async fn every_extractor(
        caller: Authenticated,
        MaybeAuthenticated(again): MaybeAuthenticated,
        plan: Authenticated<Plan>,
    ) -> String {
        let again = again.expect("the same caller");
        format!("{} {} {}", caller.claims().name, again.claims().name, plan.claims().custom.plan)
    }
    let fixture = Fixture::new();
    let results = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&results);
    let validator = fixture.validator.clone().with_observer(move |result: Result<(), &TokenError>| {
        shared.lock().expect("a lock").push(result.map_or_else(TokenError::code, |()| "accepted"));
    });
    let app = Router::new().route("/every", get(every_extractor)).route_layer(require_token());
    let service = Service::of_router(app.layer(Extension(validator)));
    let token = fixture.token_with("plan", json!("team"));
    assert_eq!(service.get_with("/every", &token).await.text(), "Ada Ada team");
    assert_eq!(*results.lock().expect("a lock"), ["accepted"]);
    service.get("/no-such-path", &[]).await;
    assert_eq!(service.get("/no-such-path", &[]).await.status, 404, "route_layer");
}

#[actix_web::test]
async fn axum_without_a_validator_is_an_internal_error() {
    let service = Service::of_router(Router::new().route("/hello", get(crate::service::hello)));
    let token = Fixture::new().token();
    service.get_with("/hello", &token).await.assert_problem(500, "internal_error");
}

#[test]
fn outside_actix_the_keys_are_fetched_on_a_thread_of_their_own() {
    let fixture = Fixture::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/jwks", listener.local_addr().expect("an address"));
    let keys = jwk_set(&[&fixture.key]).to_string();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("a connection");
        let lines = BufReader::new(connection.try_clone().expect("a connection")).lines();
        lines.map_while(Result::ok).find(String::is_empty).expect("the end of the head");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            keys.len()
        );
        connection.write_all((head + &keys).as_bytes()).expect("a response");
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let source = JwksSource::JwksUrl(url.parse().expect("a URL"));
    let keys = RemoteKeySet::spawn(source, RemoteKeySetOptions::default());
    runtime.block_on(keys.refresh_for_unknown_kid());
    server.join().expect("a request");
    assert!(keys.current().is_some(), "{:?}", keys.status());
}
