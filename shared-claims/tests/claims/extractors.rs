//! The extractors over real HTTP: status, code and challenge of every rejection.

use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::test::TestRequest;
use actix_web::web;
use chrono::TimeDelta;
use serde_json::{Value, json};
use shared_claims::http::bearer::bearer;
use shared_claims::testing::SigningKey;
use shared_claims::{Algorithm, Clock, Code, KeySet};

use crate::fixture::{self, Fixture};
use crate::service::{Service, hello};

#[actix_web::test]
async fn a_valid_token_is_accepted() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let response = service.get_with("/hello", &fixture.token()).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.text(), format!("Ada {} []", fixture.claims().sub));
    for scheme in ["bearer", "BEARER", "Bearer  "] {
        let value = format!("{scheme} {}", fixture.token());
        assert_eq!(service.get("/hello", &[&value]).await.status, 200, "{scheme} (RFC 9110 §11.1)");
    }
}

#[actix_web::test]
async fn without_a_token_the_challenge_has_no_error() {
    let service = Service::start(Fixture::new().validator);
    for authorization in [&[][..], &["Basic dXNlcjpwYXNz"], &[""], &["Bearerish abc"]] {
        let response = service.get("/hello", authorization).await;
        response.assert_problem(401, "missing_token");
        assert_eq!(response.challenge(), Some(r#"Bearer realm="latchkey""#), "RFC 6750 §3.1");
    }
}

#[actix_web::test]
async fn an_invalid_token_and_an_expired_one_have_different_codes() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let token = fixture.token();
    let stranger = SigningKey::generate(Algorithm::Es256).access_token(&fixture.claims());
    for value in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer =".to_owned(),
        "Bearer abc".to_owned(),
        format!("Bearer {stranger}"),
        format!("Bearer {token} {token}"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer\u{a0}{token}").replace("Bearer\u{a0}", "Bearer é"),
    ] {
        service.get("/hello", &[&value]).await.assert_rejected(401, "invalid_token", "invalid_token");
    }
    fixture.clock.advance(TimeDelta::minutes(16));
    service.get_with("/hello", &token).await.assert_rejected(401, "token_expired", "invalid_token");
}

#[actix_web::test]
async fn two_authorization_headers_are_rejected() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let bearer = format!("Bearer {}", fixture.token());
    for path in ["/hello", "/maybe"] {
        for pair in
            [[bearer.as_str(), bearer.as_str()], ["Basic eA==", bearer.as_str()], [bearer.as_str(), ""]]
        {
            service.get(path, &pair).await.assert_rejected(400, "malformed_request", "invalid_request");
        }
    }
}

#[actix_web::test]
async fn a_token_in_the_query_is_ignored() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let response = service.get(&format!("/hello?access_token={}", fixture.token()), &[]).await;
    response.assert_problem(401, "missing_token");
}

#[actix_web::test]
async fn an_optional_token_can_be_absent_but_not_invalid() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    assert_eq!(service.get("/maybe", &[]).await.text(), "anonymous");
    assert_eq!(service.get_with("/maybe", &fixture.token()).await.text(), "Ada");
    service.get_with("/maybe", "bad").await.assert_rejected(401, "invalid_token", "invalid_token");
    let token = fixture.token();
    fixture.clock.advance(TimeDelta::minutes(16));
    service.get_with("/maybe", &token).await.assert_rejected(401, "token_expired", "invalid_token");
}

#[actix_web::test]
async fn a_required_role_must_match_exactly() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let with_roles = |roles: Value| fixture.token_with("roles", roles);
    assert_eq!(service.get_with("/admin", &with_roles(json!(["user", "admin"]))).await.status, 200);
    for roles in [json!([]), json!(["user"]), json!(["Admin"]), json!(["admin "]), json!(["admin,user"])] {
        let response = service.get_with("/admin", &with_roles(roles)).await;
        response.assert_rejected(403, "role_required", "insufficient_scope");
    }
}

#[actix_web::test]
async fn require_fresh_limits_the_age_of_the_login() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let now = fixture.clock.now().timestamp();
    let logged_in = |ago: i64| fixture.token_with("auth_time", json!(now - ago));
    for ago in [0, 300, -60] {
        assert_eq!(service.get_with("/fresh", &logged_in(ago)).await.status, 200, "{ago} s ago");
    }
    let response = service.get_with("/fresh", &logged_in(301)).await;
    response.assert_rejected(403, "fresh_login_required", "insufficient_user_authentication");
    assert!(response.challenge().expect("a challenge").ends_with(r#"max_age="300""#), "RFC 9470 §3");
    assert_eq!(response.json()["max_age"], json!(300));

    let token = logged_in(0);
    fixture.clock.advance(TimeDelta::seconds(301));
    assert_eq!(
        service.get_with("/fresh", &token).await.status,
        403,
        "the age grows while the token is valid"
    );
}

#[actix_web::test]
async fn require_acr_rejects_weaker_logins_and_names_all_that_it_requires() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let logged_in = |acr: &str, ago: i64| {
        let mut claims = fixture.claims_json();
        claims["acr"] = json!(acr);
        claims["auth_time"] = json!(fixture.clock.now().timestamp() - ago);
        fixture.token_with_claims(&claims)
    };
    for (path, max_age, challenge) in [
        ("/strong", json!(null), r#", acr_values="mfa""#),
        ("/strong-and-fresh", json!(300), r#", acr_values="mfa", max_age="300""#),
    ] {
        for ago in [0, 301] {
            let response = service.get_with(path, &logged_in("1fa", ago)).await;
            response.assert_rejected(403, "stronger_login_required", "insufficient_user_authentication");
            assert!(response.challenge().expect("a challenge").ends_with(challenge), "RFC 9470 §3");
            let problem = response.json();
            assert_eq!((&problem["acr_values"], &problem["max_age"]), (&json!(["mfa"]), &max_age));
        }
    }
    for acr in ["mfa", "phr"] {
        assert_eq!(service.get_with("/strong", &logged_in(acr, 301)).await.text(), acr);
        assert_eq!(service.get_with("/strong-and-fresh", &logged_in(acr, 300)).await.text(), acr);
        let response = service.get_with("/strong-and-fresh", &logged_in(acr, 301)).await;
        response.assert_rejected(403, "fresh_login_required", "insufficient_user_authentication");
        assert_eq!((&response.json()["max_age"], response.json().get("acr_values")), (&json!(300), None));
    }
}

#[actix_web::test]
async fn custom_claims_are_typed() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    assert_eq!(service.get_with("/typed", &fixture.token_with("plan", json!("team"))).await.text(), "team");
    let response = service.get_with("/typed", &fixture.token_with("plan", json!(1))).await;
    response.assert_rejected(401, "invalid_token", "invalid_token");
}

#[actix_web::test]
async fn without_keys_the_response_is_503_and_not_401() {
    let fixture = Fixture::new();
    let validator = fixture::validator(KeySet::default(), &fixture.clock);
    let service = Service::start(validator);
    let response = service.get_with("/hello", &fixture.token()).await;
    response.assert_problem(503, "unavailable");
    assert_eq!(response.headers.get("retry-after").expect("a time"), "1");
    assert_eq!(response.challenge(), None);
}

#[actix_web::test]
async fn a_service_without_a_validator_rejects_every_request() {
    let service = Service::of(|config| {
        config.route("/hello", web::get().to(hello));
    });
    service.get_with("/hello", &Fixture::new().token()).await.assert_problem(500, "internal_error");
}

#[actix_web::test]
async fn a_validator_in_web_data_is_found() {
    let fixture = Fixture::new();
    let data = web::Data::from(Arc::new(fixture.validator.clone()));
    let service = Service::of(move |config| {
        config.app_data(data.clone()).route("/hello", web::get().to(hello));
    });
    assert_eq!(service.get_with("/hello", &fixture.token()).await.status, 200);
}

#[test]
fn a_bearer_value_with_invalid_characters_is_rejected_before_validation() {
    let read = |value: &[u8]| {
        let value = HeaderValue::from_bytes(value).expect("a header value");
        let request = TestRequest::default().insert_header((AUTHORIZATION, value)).to_http_request();
        bearer(&request).map(|token| token.map(str::to_owned)).map_err(|problem| problem.code())
    };
    for good in ["abc", "a.b-c_d~e+f/g==", "A"] {
        assert_eq!(read(format!("Bearer {good}").as_bytes()), Ok(Some(good.to_owned())), "RFC 6750 §2.1");
    }
    for bad in [
        &b""[..],
        b" ",
        b" =",
        b" ==",
        b" a b",
        b" a,b",
        b" \"a\"",
        b" a=b",
        b" \xff",
        b" a\tb",
        "é".as_bytes(),
    ] {
        let value = [b"Bearer ", bad].concat();
        assert_eq!(read(&value), Err(Code::InvalidToken), "{}", value.escape_ascii());
    }
    for other in ["", "Basic abc", "Bearer2 abc", "DPoP abc", "Bearer\tabc"] {
        assert_eq!(read(other.as_bytes()), Ok(None), "{other}");
    }
}
