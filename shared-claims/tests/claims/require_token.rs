//! `require_token` on scopes and routes, over real HTTP.

use std::sync::{Arc, Mutex};

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::ServiceConfig;
use actix_web::{Error, HttpResponse, web};
use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;
use shared_claims::{
    AcceptCookie, AccessTokenValidator, Authenticated, Code, MaybeAuthenticated, Problem, TokenError,
    require, require_token,
};

use crate::fixture::{Fixture, ISSUER};
use crate::service::{ALLOWED_ORIGIN, Plan, Service, hello, typed};

/// A handler that reads nothing of the token, so that only the guard can reject a request.
async fn open() -> &'static str {
    "open"
}

async fn every_extractor(
    caller: Authenticated,
    MaybeAuthenticated(again): MaybeAuthenticated,
    plan: Authenticated<Plan>,
) -> String {
    let again = again.expect("the same caller");
    format!("{} {} {}", caller.user_id(), again.claims().name, plan.claims().custom.plan)
}

fn guarded_scope(validator: &AccessTokenValidator) -> impl Fn(&mut ServiceConfig) + Clone + use<> {
    let validator = validator.clone();
    move |config| {
        let scope = web::scope("/api").wrap(require_token());
        config
            .app_data(validator.clone())
            .app_data(AcceptCookie::of_issuer(ISSUER))
            .service(
                scope
                    .route("/open", web::to(open))
                    .route("/get", web::get().to(open))
                    .route("/every", web::get().to(every_extractor))
                    .route("/typed", web::get().to(typed)),
            )
            .route("/bare", web::get().to(hello))
            .route("/outside", web::get().to(open));
    }
}

/// A validator that records the result of each validation.
fn observed(fixture: &Fixture) -> (AccessTokenValidator, Arc<Mutex<Vec<&'static str>>>) {
    let results = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&results);
    let observe = move |result: Result<(), &TokenError>| {
        shared.lock().expect("a lock").push(result.map_or_else(TokenError::code, |()| "accepted"));
    };
    (fixture.validator.clone().with_observer(observe), results)
}

#[actix_web::test]
async fn a_scope_is_guarded_in_one_line() {
    let fixture = Fixture::new();
    let service = Service::of(guarded_scope(&fixture.validator));
    let token = fixture.token();
    for path in ["/api/open", "/api/get", "/api/no-such-path"] {
        let response = service.get(path, &[]).await;
        response.assert_problem(401, "missing_token");
        assert_eq!(response.challenge(), Some(r#"Bearer realm="latchkey""#), "{path}");
        service.get_with(path, "bad").await.assert_rejected(401, "invalid_token", "invalid_token");
    }
    service.send(Method::POST, "/api/get", &[], "").await.assert_problem(401, "missing_token");
    assert_eq!(service.get_with("/api/open", &token).await.text(), "open");
    assert_eq!(service.get_with("/api/no-such-path", &token).await.status, 404);
    assert_eq!(service.get("/outside", &[]).await.text(), "open");

    fixture.clock.advance(TimeDelta::minutes(16));
    service.get_with("/api/open", &token).await.assert_rejected(401, "token_expired", "invalid_token");
}

#[actix_web::test]
async fn the_guard_responds_exactly_as_the_extractor() {
    let fixture = Fixture::new();
    let service = Service::of(guarded_scope(&fixture.validator));
    let bearer = format!("Bearer {}", fixture.token());
    let cookie = format!("__Host-access_token={}", fixture.token());
    for headers in [
        vec![],
        vec![("Authorization", "Basic eA==")],
        vec![("Authorization", "Bearer bad")],
        vec![("Authorization", bearer.as_str()), ("Authorization", bearer.as_str())],
        vec![("Cookie", "__Host-access_token=a; __Host-access_token=b")],
        vec![("Cookie", cookie.as_str())],
    ] {
        let headers = [headers, vec![("Origin", ALLOWED_ORIGIN)]].concat();
        let guarded = service.send_headed(Method::GET, "/api/open", &headers, "").await;
        let bare = service.send_headed(Method::GET, "/bare", &headers, "").await;
        assert_eq!((guarded.status, &guarded.body), (bare.status, &bare.body), "{headers:?}");
        for name in
            ["content-type", "cache-control", "www-authenticate", "access-control-allow-origin", "vary"]
        {
            assert_eq!(guarded.headers.get(name), bare.headers.get(name), "{headers:?}: {name}");
        }
        assert_eq!(guarded.headers.get("access-control-allow-origin").expect("CORS"), ALLOWED_ORIGIN);
    }
}

#[actix_web::test]
async fn two_authorization_headers_are_rejected() {
    let fixture = Fixture::new();
    let service = Service::of(guarded_scope(&fixture.validator));
    let bearer = format!("Bearer {}", fixture.token());
    let response = service.get("/api/open", &[&bearer, &bearer]).await;
    response.assert_rejected(400, "malformed_request", "invalid_request");
}

#[actix_web::test]
async fn a_token_is_validated_once_per_request() {
    let fixture = Fixture::new();
    let (validator, results) = observed(&fixture);
    let service = Service::of(guarded_scope(&validator));
    let token = fixture.token_with("plan", json!("team"));
    let response = service.get_with("/api/every", &token).await;
    assert_eq!(response.text(), format!("{} Ada team", fixture.claims().sub));
    assert_eq!(*results.lock().expect("a lock"), ["accepted"]);
    service.get_with("/api/every", &token).await;
    assert_eq!(*results.lock().expect("a lock"), ["accepted", "accepted"], "each request by itself");
}

#[actix_web::test]
async fn custom_claims_that_do_not_fit_are_rejected_behind_the_guard() {
    let fixture = Fixture::new();
    let (validator, results) = observed(&fixture);
    let service = Service::of(guarded_scope(&validator));
    service.get_with("/api/typed", &fixture.token()).await.assert_rejected(
        401,
        "invalid_token",
        "invalid_token",
    );
    assert_eq!(*results.lock().expect("a lock"), ["accepted", "custom_claims"]);
    assert_eq!(
        service.get_with("/api/typed", &fixture.token_with("plan", json!("team"))).await.text(),
        "team"
    );
}

#[actix_web::test]
async fn a_guard_can_require_typed_custom_claims() {
    let fixture = Fixture::new();
    let validator = fixture.validator.clone();
    let service = Service::of(move |config| {
        let scope = web::scope("/plans").wrap(require::<Authenticated<Plan>>());
        config.app_data(validator.clone()).service(scope.route("/open", web::get().to(open)));
    });
    service.get_with("/plans/open", &fixture.token()).await.assert_problem(401, "invalid_token");
    let token = fixture.token_with("plan", json!("team"));
    assert_eq!(service.get_with("/plans/open", &token).await.text(), "open");
}

#[actix_web::test]
async fn a_guarded_route_responds_to_a_wrong_method_with_405_without_a_token() {
    let fixture = Fixture::new();
    let validator = fixture.validator.clone();
    let wrong_method = || async { Err::<HttpResponse, _>(Problem::new(Code::MethodNotAllowed).allow("GET")) };
    let service = Service::of(move |config| {
        let resource = web::resource("/open").route(web::get().to(open).wrap(require_token()));
        config.app_data(validator.clone()).service(resource.default_service(web::to(wrong_method)));
    });
    let response = service.send(Method::POST, "/open", &[], "").await;
    response.assert_problem(405, "method_not_allowed");
    assert_eq!(response.headers.get("allow").expect("methods"), "GET");
    service.get("/open", &[]).await.assert_problem(401, "missing_token");
    assert_eq!(service.get_with("/open", &fixture.token()).await.text(), "open");
}

#[actix_web::test]
async fn a_token_from_the_cookie_needs_the_csrf_token() {
    let fixture = Fixture::new();
    let (validator, results) = observed(&fixture);
    let service = Service::of(guarded_scope(&validator));
    let cookie = format!("__Host-access_token={}", fixture.token_with("csrf", json!("c")));
    let send = async |method: Method, csrf: &[&str]| {
        let csrf = csrf.iter().map(|value| ("X-CSRF-Token", *value));
        let headers: Vec<_> = std::iter::once(("Cookie", cookie.as_str())).chain(csrf).collect();
        service.send_headed(method, "/api/open", &headers, "").await
    };
    assert_eq!(send(Method::GET, &[]).await.text(), "open");
    assert_eq!(send(Method::POST, &["c"]).await.text(), "open");
    for csrf in [&[][..], &["d"], &["c", "c"]] {
        send(Method::POST, csrf).await.assert_problem(403, "csrf_failed");
    }
    assert_eq!(*results.lock().expect("a lock"), ["accepted"; 5]);
}

#[actix_web::test]
async fn an_inner_scope_with_its_own_validator_validates_again() {
    let fixture = Fixture::new();
    let (outer, inner) = (fixture.validator.clone(), fixture.validator.clone());
    let inner = inner.with_any_audience(vec!["billing".to_owned()]);
    let service = Service::of(move |config| {
        let inner = web::scope("/billing").app_data(inner.clone()).route("/hello", web::get().to(hello));
        config.app_data(outer.clone()).service(web::scope("").wrap(require_token()).service(inner));
    });
    service.get_with("/billing/hello", &fixture.token()).await.assert_problem(401, "invalid_token");
    let both = fixture.token_with("aud", json!(["api", "billing"]));
    assert_eq!(service.get_with("/billing/hello", &both).await.status, 200);
}

#[actix_web::test]
async fn a_token_that_a_middleware_puts_in_is_validated() {
    async fn replace(
        mut request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer bad"));
        next.call(request).await
    }
    let fixture = Fixture::new();
    let validator = fixture.validator.clone();
    let service = Service::of(move |config| {
        let inner = web::scope("/inner").wrap(from_fn(replace)).route("/hello", web::get().to(hello));
        let guarded = web::scope("").wrap(require_token());
        config.app_data(validator.clone()).service(guarded.service(inner));
    });
    service.get_with("/inner/hello", &fixture.token()).await.assert_problem(401, "invalid_token");
}
