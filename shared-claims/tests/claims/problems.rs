//! Problem details (RFC 9457).

use std::collections::{BTreeMap, BTreeSet};

use actix_web::body::to_bytes;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value, json};
use shared_claims::http::bearer::token_problem;
use shared_claims::{Acr, Challenge, Code, Problem, TokenError};

fn header(response: &HttpResponse, name: &actix_web::http::header::HeaderName) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().expect("text").to_owned())
}

async fn body(response: HttpResponse) -> Value {
    let bytes = to_bytes(response.into_body()).await.expect("a body");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[actix_web::test]
async fn every_code_has_its_status_and_all_five_members() {
    let mut names = BTreeSet::new();
    for code in Code::ALL {
        assert!(names.insert(code.as_str()), "{} is listed twice", code.as_str());
        let response = Problem::new(*code).error_response();
        assert_eq!(response.status(), code.status());
        assert_eq!(header(&response, &CONTENT_TYPE).as_deref(), Some("application/problem+json"));
        assert_eq!(header(&response, &CACHE_CONTROL).as_deref(), Some("no-store"));
        let body = body(response).await;
        assert_eq!(body["type"], json!(format!("/docs/errors#{}", code.as_str())));
        assert_eq!(body["title"], json!(code.title()));
        assert_eq!(body["status"], json!(code.status().as_u16()));
        assert_eq!(body["code"], json!(code.as_str()));
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    assert_eq!(names.len(), 37);
}

#[actix_web::test]
async fn members_that_are_not_set_are_absent() {
    let body = body(Problem::new(Code::NotFound).to_response()).await;
    let members: Vec<_> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["code", "detail", "status", "title", "type"]);
}

#[actix_web::test]
async fn members_appear_in_the_body_and_in_the_headers() {
    let problem = Problem::new(Code::InvalidInput)
        .detail("Two members are invalid.")
        .fields(BTreeMap::from([("email".to_owned(), "is not an address".to_owned())]))
        .field("name", "is too long")
        .reason("because")
        .retry_after(7)
        .allow("GET, HEAD")
        .challenge(Challenge::FreshLogin { max_age: 300 });
    assert_eq!(problem.code(), Code::InvalidInput);
    let response = problem.to_response();
    assert_eq!(header(&response, &RETRY_AFTER).as_deref(), Some("7"));
    assert_eq!(header(&response, &ALLOW).as_deref(), Some("GET, HEAD"));
    let body = body(response).await;
    assert_eq!(body["fields"], json!({"email": "is not an address", "name": "is too long"}));
    assert_eq!(body["reason"], json!("because"));
    assert_eq!(body["retry_after"], json!(7));
    assert_eq!(body["max_age"], json!(300));
}

#[actix_web::test]
async fn temporary_errors_have_retry_after() {
    for code in [Code::Unavailable, Code::TooManyRequests] {
        let response = Problem::new(code).to_response();
        assert_eq!(header(&response, &RETRY_AFTER).as_deref(), Some("1"));
        assert_eq!(body(response).await["retry_after"], json!(1));
    }
}

#[test]
fn challenges_follow_rfc_6750_section_3_and_rfc_9470_section_3() {
    let realm = r#"Bearer realm="latchkey""#;
    assert_eq!(Challenge::NoToken.to_string(), realm);
    let error = |challenge: Challenge, error: &str| {
        let text = challenge.to_string();
        assert!(text.starts_with(&format!(r#"{realm}, error="{error}", error_description=""#)), "{text}");
    };
    error(Challenge::InvalidRequest, "invalid_request");
    error(Challenge::InvalidToken, "invalid_token");
    error(Challenge::InsufficientScope, "insufficient_scope");
    error(Challenge::FreshLogin { max_age: 300 }, "insufficient_user_authentication");
    assert!(Challenge::FreshLogin { max_age: 300 }.to_string().ends_with(r#", max_age="300""#));
    let stronger = |max_age| Challenge::StrongerLogin { acr: Acr::Mfa, max_age };
    error(stronger(None), "insufficient_user_authentication");
    assert!(stronger(None).to_string().ends_with(r#"required", acr_values="mfa""#));
    assert!(stronger(Some(300)).to_string().ends_with(r#", acr_values="mfa", max_age="300""#));
}

#[actix_web::test]
async fn the_response_reveals_no_reason_except_expiry() {
    let same = body(token_problem(&TokenError::BadSignature).to_response()).await;
    for error in [
        TokenError::TooLong,
        TokenError::UnknownKey,
        TokenError::WrongAudience,
        TokenError::MissingClaim("sub"),
        TokenError::FromTheFuture("iat"),
        TokenError::CustomClaims,
    ] {
        let response = token_problem(&error).to_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let challenge = header(&response, &WWW_AUTHENTICATE).expect("a challenge");
        assert!(challenge.contains(r#"error="invalid_token""#), "{challenge}");
        assert_eq!(body(response).await, same, "{error:?}");
    }
    assert_eq!(token_problem(&TokenError::Expired).code(), Code::TokenExpired);
    let no_keys = token_problem(&TokenError::NoKeys).to_response();
    assert_eq!(no_keys.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&no_keys, &WWW_AUTHENTICATE), None, "the token is not the cause");
}

#[test]
fn a_problem_is_logged_as_its_code() {
    let problem = Problem::new(Code::InvalidInput).detail("input of the caller: \n<script>");
    assert_eq!(problem.to_string(), "invalid_input");
}
