//! The extractors over real HTTP: status, code and challenge of every way to be refused.

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
async fn a_valid_token_opens_the_door() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let answer = service.get_with("/hello", &fixture.token()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), format!("Ada {} []", fixture.claims().sub));
    for scheme in ["bearer", "BEARER", "Bearer  "] {
        let value = format!("{scheme} {}", fixture.token());
        assert_eq!(service.get("/hello", &[&value]).await.status, 200, "{scheme} (RFC 9110 §11.1)");
    }
}

#[actix_web::test]
async fn without_a_token_the_challenge_names_no_error() {
    let service = Service::start(Fixture::new().validator);
    for authorization in [&[][..], &["Basic dXNlcjpwYXNz"], &[""], &["Bearerish abc"]] {
        let answer = service.get("/hello", authorization).await;
        answer.assert_problem(401, "missing_token");
        assert_eq!(answer.challenge(), Some(r#"Bearer realm="latchkey""#), "RFC 6750 §3.1");
    }
}

#[actix_web::test]
async fn a_bad_token_is_refused_as_invalid_and_an_old_one_as_expired() {
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
        service.get("/hello", &[&value]).await.assert_refused(401, "invalid_token", "invalid_token");
    }
    fixture.clock.advance(TimeDelta::minutes(16));
    service.get_with("/hello", &token).await.assert_refused(401, "token_expired", "invalid_token");
}

#[actix_web::test]
async fn two_authorization_headers_are_one_too_many() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let bearer = format!("Bearer {}", fixture.token());
    for path in ["/hello", "/maybe"] {
        for pair in
            [[bearer.as_str(), bearer.as_str()], ["Basic eA==", bearer.as_str()], [bearer.as_str(), ""]]
        {
            service.get(path, &pair).await.assert_refused(400, "malformed_request", "invalid_request");
        }
    }
}

#[actix_web::test]
async fn a_token_in_the_query_is_not_looked_at() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let answer = service.get(&format!("/hello?access_token={}", fixture.token()), &[]).await;
    answer.assert_problem(401, "missing_token");
}

#[actix_web::test]
async fn an_optional_token_may_be_absent_but_not_bad() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    assert_eq!(service.get("/maybe", &[]).await.text(), "stranger");
    assert_eq!(service.get_with("/maybe", &fixture.token()).await.text(), "Ada");
    service.get_with("/maybe", "bad").await.assert_refused(401, "invalid_token", "invalid_token");
    let token = fixture.token();
    fixture.clock.advance(TimeDelta::minutes(16));
    service.get_with("/maybe", &token).await.assert_refused(401, "token_expired", "invalid_token");
}

#[actix_web::test]
async fn a_role_that_is_needed_must_be_there_letter_for_letter() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let with_roles = |roles: Value| fixture.token_with("roles", roles);
    assert_eq!(service.get_with("/admin", &with_roles(json!(["user", "admin"]))).await.status, 200);
    for roles in [json!([]), json!(["user"]), json!(["Admin"]), json!(["admin "]), json!(["admin,user"])] {
        let answer = service.get_with("/admin", &with_roles(roles)).await;
        answer.assert_refused(403, "role_required", "insufficient_scope");
    }
}

#[actix_web::test]
async fn a_login_is_fresh_for_as_long_as_the_handler_says() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    let now = fixture.clock.now().timestamp();
    let logged_in = |ago: i64| fixture.token_with("auth_time", json!(now - ago));
    for ago in [0, 300, -60] {
        assert_eq!(service.get_with("/fresh", &logged_in(ago)).await.status, 200, "{ago} s ago");
    }
    let answer = service.get_with("/fresh", &logged_in(301)).await;
    answer.assert_refused(403, "fresh_login_required", "insufficient_user_authentication");
    assert!(answer.challenge().expect("a challenge").ends_with(r#"max_age="300""#), "RFC 9470 §3");
    assert_eq!(answer.json()["max_age"], json!(300));

    let token = logged_in(0);
    fixture.clock.advance(TimeDelta::seconds(301));
    assert_eq!(service.get_with("/fresh", &token).await.status, 403, "a login ages while its token lives");
}

#[actix_web::test]
async fn custom_claims_arrive_typed() {
    let fixture = Fixture::new();
    let service = Service::start(fixture.validator.clone());
    assert_eq!(service.get_with("/typed", &fixture.token_with("plan", json!("team"))).await.text(), "team");
    let answer = service.get_with("/typed", &fixture.token_with("plan", json!(1))).await;
    answer.assert_refused(401, "invalid_token", "invalid_token");
}

#[actix_web::test]
async fn without_keys_nobody_is_told_that_their_token_is_bad() {
    let fixture = Fixture::new();
    let validator = fixture::validator(KeySet::default(), &fixture.clock);
    let service = Service::start(validator);
    let answer = service.get_with("/hello", &fixture.token()).await;
    answer.assert_problem(503, "unavailable");
    assert_eq!(answer.headers.get("retry-after").expect("when"), "1");
    assert_eq!(answer.challenge(), None);
}

#[actix_web::test]
async fn a_service_that_forgot_its_validator_lets_nobody_in() {
    let service = Service::of(|config| {
        config.route("/hello", web::get().to(hello));
    });
    service.get_with("/hello", &Fixture::new().token()).await.assert_problem(500, "internal_error");
}

#[actix_web::test]
async fn a_validator_in_web_data_does_as_well() {
    let fixture = Fixture::new();
    let data = web::Data::from(Arc::new(fixture.validator.clone()));
    let service = Service::of(move |config| {
        config.app_data(data.clone()).route("/hello", web::get().to(hello));
    });
    assert_eq!(service.get_with("/hello", &fixture.token()).await.status, 200);
}

#[test]
fn a_bearer_value_that_cannot_be_a_token_never_reaches_a_validator() {
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
