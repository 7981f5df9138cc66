//! The access token in a cookie, and its CSRF protection.

use actix_web::test::TestRequest;
use awc::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};
use shared_claims::claims::CustomClaims;
use shared_claims::http::authenticated::authenticate_for;
use shared_claims::{AcceptCookie, Code};

use crate::fixture::{Fixture, ISSUER};
use crate::service::{Response, Service};

const CSRF: &str = "bm90IGEgc2VjcmV0IGF0IGFsbA";

fn cookie_token(fixture: &Fixture) -> String {
    fixture.token_with("csrf", json!(CSRF))
}

fn accepting(fixture: &Fixture) -> Service {
    Service::start_with(fixture.validator.clone(), Some(AcceptCookie::of_issuer(ISSUER)))
}

async fn get(service: &Service, headers: &[(&str, &str)]) -> Response {
    service.send_headed(Method::GET, "/hello", headers, "").await
}

#[actix_web::test]
async fn a_cookie_is_accepted_only_with_accept_cookie() {
    let fixture = Fixture::new();
    let cookie = format!("__Host-access_token={}", cookie_token(&fixture));
    let headers = [("Cookie", cookie.as_str())];
    assert_eq!(get(&accepting(&fixture), &headers).await.status, 200);
    let service = Service::start(fixture.validator.clone());
    get(&service, &headers).await.assert_problem(401, "missing_token");
}

#[actix_web::test]
async fn with_a_bearer_token_the_cookie_is_ignored() {
    let fixture = Fixture::new();
    let service = accepting(&fixture);
    let cookie = format!("__Host-access_token={}", cookie_token(&fixture));
    for authorization in ["Bearer", "Bearer x"] {
        let headers = [("Cookie", cookie.as_str()), ("Authorization", authorization)];
        get(&service, &headers).await.assert_problem(401, "invalid_token");
    }
    // Other schemes count as absent, and do not replace the CSRF token.
    for authorization in ["Basic eA==", "Negotiate YIIJ", ""] {
        let headers = [("Cookie", cookie.as_str()), ("Authorization", authorization)];
        assert_eq!(get(&service, &headers).await.status, 200, "{authorization}");
        let response = service.send_headed(Method::POST, "/any-method", &headers, "").await;
        response.assert_problem(403, "csrf_failed");
    }
    let headers =
        [("Cookie", cookie.as_str()), ("Authorization", "Basic eA=="), ("Authorization", "Basic eA==")];
    get(&service, &headers).await.assert_rejected(400, "malformed_request", "invalid_request");
    let bearer = format!("Bearer {}", fixture.token());
    for cookie in ["__Host-access_token=bad", "__Host-access_token=a; __Host-access_token=b"] {
        let headers = [("Cookie", cookie), ("Authorization", bearer.as_str())];
        let response = service.send_headed(Method::POST, "/any-method", &headers, "").await;
        assert_eq!(response.status, 200, "a bearer token needs no CSRF token");
    }
}

#[actix_web::test]
async fn only_the_exact_cookie_name_is_accepted() {
    let fixture = Fixture::new();
    let service = accepting(&fixture);
    let token = cookie_token(&fixture);
    for cookie in [
        format!("={token}; ;;  a; \u{2000}__Host-access_token=forged; __Host-access_token={token}"),
        format!("__host-access_token=x;\t__Host-access_token={token} ; __Host-access_tokens=y"),
    ] {
        assert_eq!(get(&service, &[("Cookie", &cookie)]).await.status, 200, "{cookie}");
    }
    for cookie in [
        format!("access_token={token}"),
        format!("\u{2000}__Host-access_token={token}"),
        format!("__Host-access_token ={token}"),
        format!("__Host-access_token: {token}"),
        format!("__HOST-access_token={token}"),
    ] {
        get(&service, &[("Cookie", &cookie)]).await.assert_problem(401, "missing_token");
    }
}

#[actix_web::test]
async fn the_plain_name_is_accepted_only_for_an_http_issuer() {
    let fixture = Fixture::new();
    let plain = AcceptCookie::of_issuer("http://localhost:8080");
    let service = Service::start_with(fixture.validator.clone(), Some(plain));
    let token = cookie_token(&fixture);
    for name in ["access_token", "__Host-access_token"] {
        assert_eq!(get(&service, &[("Cookie", &format!("{name}={token}"))]).await.status, 200, "{name}");
    }
    let both = format!("access_token=x; __Host-access_token={token}");
    assert_eq!(get(&service, &[("Cookie", &both)]).await.status, 200);
}

#[actix_web::test]
async fn cookies_of_other_programs_are_skipped() {
    let fixture = Fixture::new();
    let service = accepting(&fixture);
    let cookie = |token: &str| ("Cookie", format!("__Host-access_token={token}"));
    let (token, expired) = (cookie_token(&fixture), fixture.token_with("exp", json!(1)));
    for others in [["", "x"], [&expired, "a.b.c"], [&token, ""]] {
        for place in 0..3 {
            let mut headers: Vec<_> = others.iter().map(|other| cookie(other)).collect();
            headers.insert(place, cookie(&token));
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(get(&service, &headers).await.status, 200, "{others:?}");
        }
    }
    let none = format!("__Host-access_token=x; __Host-access_token={expired}");
    get(&service, &[("Cookie", &none)]).await.assert_problem(401, "token_expired");
}

#[actix_web::test]
async fn access_cookies_of_two_sessions_are_rejected() {
    let fixture = Fixture::new();
    let service = accepting(&fixture);
    let one = format!("__Host-access_token={}", cookie_token(&fixture));
    let other = fixture.token_with("sid", json!("0f8fad5b-d9cb-469f-a165-70867728950e"));
    for cookie in [format!("{one}; __Host-access_token={other}"), vec![one; 11].join("; ")] {
        for path in ["/hello", "/maybe"] {
            let response = service.send_headed(Method::GET, path, &[("Cookie", &cookie)], "").await;
            response.assert_rejected(400, "malformed_request", "invalid_request");
        }
    }
}

#[actix_web::test]
async fn unsafe_methods_require_the_csrf_token() {
    let fixture = Fixture::new();
    let service = accepting(&fixture);
    let cookie = format!("__Host-access_token={}", cookie_token(&fixture));
    let with = |values: &[&'static str]| {
        let csrf = values.iter().map(|value| ("X-CSRF-Token", *value));
        std::iter::once(("Cookie", cookie.as_str())).chain(csrf).collect::<Vec<_>>()
    };
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        let response = service.send_headed(method.clone(), "/any-method", &with(&[]), "").await;
        assert_eq!(response.status, 200, "{method}");
    }
    let lower_case = Method::from_bytes(b"get").expect("a method");
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE, lower_case] {
        let send = async |csrf: &[&'static str]| {
            service.send_headed(method.clone(), "/any-method", &with(csrf), "").await
        };
        assert_eq!(send(&[CSRF]).await.status, 200, "{method}");
        let prefix = &CSRF[..CSRF.len() - 1];
        for wrong in [&[][..], &[""], &["wrong"], &[prefix], &[CSRF, CSRF], &[CSRF, ""]] {
            let response = send(wrong).await;
            response.assert_problem(403, "csrf_failed");
            assert_eq!(response.challenge(), Some(r#"Bearer realm="latchkey""#), "{method} {wrong:?}");
        }
    }
}

#[actix_web::test]
async fn a_token_without_csrf_is_rejected_in_a_cookie() {
    let fixture = Fixture::new();
    let service = accepting(&fixture);
    let cookie = format!("__Host-access_token={}", fixture.token());
    for method in [Method::GET, Method::OPTIONS, Method::POST] {
        for csrf in ["", CSRF] {
            let headers = [("Cookie", cookie.as_str()), ("X-CSRF-Token", csrf)];
            let response = service.send_headed(method.clone(), "/any-method", &headers, "").await;
            response.assert_problem(403, "csrf_failed");
        }
    }
    let headers = [("Cookie", cookie.as_str())];
    service.send_headed(Method::GET, "/maybe", &headers, "").await.assert_problem(403, "csrf_failed");
}

#[actix_web::test]
async fn an_invalid_token_in_the_cookie_is_rejected() {
    let fixture = Fixture::new();
    let service = accepting(&fixture);
    for value in ["", "bad", "\"quoted\"", "a b", "é"] {
        let cookie = format!("__Host-access_token={value}");
        get(&service, &[("Cookie", &cookie)]).await.assert_rejected(401, "invalid_token", "invalid_token");
    }
    let cookie = format!("__Host-access_token={}", cookie_token(&fixture));
    fixture.clock.advance(TimeDelta::minutes(16));
    let response = service.send_headed(Method::POST, "/any-method", &[("Cookie", &cookie)], "").await;
    response.assert_rejected(401, "token_expired", "invalid_token");
}

#[actix_web::test]
async fn authenticate_for_applies_the_csrf_rule_as_told() {
    let fixture = Fixture::new();
    let request = |method: Method, csrf: &str| {
        let request = TestRequest::default().method(method).insert_header(("X-CSRF-Token", csrf));
        request
            .insert_header(("Cookie", format!("__Host-access_token={}", cookie_token(&fixture))))
            .app_data(fixture.validator.clone())
            .app_data(AcceptCookie::of_issuer(ISSUER))
            .to_http_request()
    };
    let authenticate = async |method, csrf, is_safe| {
        let caller = authenticate_for::<CustomClaims>(&request(method, csrf), is_safe).await;
        caller.map(|caller| caller.expect("a caller").user_id().to_owned()).map_err(|problem| problem.code())
    };
    let subject = fixture.claims().sub;
    assert_eq!(authenticate(Method::GET, "", true).await, Ok(subject.clone()));
    assert_eq!(authenticate(Method::POST, "", true).await, Ok(subject.clone()));
    assert_eq!(authenticate(Method::GET, "", false).await, Err(Code::CsrfFailed));
    assert_eq!(authenticate(Method::GET, CSRF, false).await, Ok(subject));

    let stranger = TestRequest::default().app_data(AcceptCookie::of_issuer(ISSUER)).to_http_request();
    assert!(matches!(authenticate_for::<Value>(&stranger, false).await, Ok(None)));
}
