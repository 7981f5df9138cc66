//! What is special about single calls. What holds for all of them is a table, in `e2e/tests/e2e/bad_input.rs`.

use awc::http::Method;
use awc::http::header::HeaderValue;
use serde_json::json;

use crate::app::{PASSWORD, Session, TestApp};
use test_support::{COOKIE_NAME, Call};

fn json_call(call: Call, body: impl Into<Vec<u8>>) -> Call {
    call.header("content-type", "application/json").raw(body)
}

#[actix_web::test]
async fn members_that_are_unknown_missing_or_beside_one_another_are_named() {
    let app = TestApp::start().await;
    for (body, named) in [
        (json!({"email": "a@example.org", "password": PASSWORD, "rember": true}), "rember"),
        (json!({"email": "a@example.org", "username": "ann", "password": PASSWORD}), "username"),
        (json!({"password": PASSWORD}), "email"),
        (json!({"email": "a@example.org"}), "password"),
        (json!({"email": "a@example.org", "password": "x\0y"}), "password"),
    ] {
        let answer = app.post("/auth/login").json(&body).send().await.assert_problem(422, "invalid_input");
        let fields = answer.json()["fields"].as_object().expect("fields").clone();
        assert_eq!(fields.keys().collect::<Vec<_>>(), [named]);
    }
}

#[actix_web::test]
async fn a_media_type_may_have_parameters_and_capitals() {
    let app = TestApp::start().await;
    let call = app.post("/auth/logout").header("content-type", "Application/JSON; charset=utf-8").raw("{}");
    call.send().await.assert_status(204);
}

#[actix_web::test]
async fn paths_that_do_not_exist_are_told() {
    let app = TestApp::start().await;
    for path in ["/", "/auth", "/auth/login/", "/auth/nothing", "/%ff", "/..%2f"] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
            app.call(method, path).send().await.assert_problem(404, "not_found");
        }
    }
}

#[actix_web::test]
async fn a_token_that_is_none_is_cleared_where_it_came_in_a_cookie() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    for token in [session.access_token.as_str(), "", "x", "a.b.c", &"x".repeat(9 * 1024)] {
        let answer = app.refresh(token).await;
        assert!(answer.assert_ended("unknown").clears_cookie(), "{token}");
    }
    let tampered = session.refresh_token.replacen(".ey", ".fy", 1);
    app.refresh(&tampered).await.assert_ended("unknown");
    let answer = app.post("/auth/refresh").bearer("!!!").send().await.assert_ended("unknown");
    assert!(answer.set_cookie().is_none());
    app.refresh(&session.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn a_cookie_is_ours_only_by_its_exact_name() {
    let app = TestApp::start().await;
    let token = app.register("ann").await.refresh_token;
    // A browser lets any sibling site set these: to it, their names do not begin with __Host-.
    for blank in ["\u{2000}", "\u{a0}", "\u{3000}", "\u{b}"] {
        let Ok(value) = HeaderValue::from_bytes(format!("{blank}{COOKIE_NAME}={token}").as_bytes()) else {
            continue;
        };
        let answer = app.post("/auth/refresh").header_value("cookie", value).send().await;
        answer.assert_problem(401, "missing_token");
    }
}

#[actix_web::test]
async fn a_member_cannot_hide_in_a_name_that_the_parser_keeps_for_itself() {
    let app = TestApp::start().await;
    let body =
        r#"{"$serde_json::private::RawValue":"{\"email\":\"a@example.org\",\"email\":\"b@example.org\"}"}"#;
    json_call(app.post("/auth/login"), body).send().await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn cookies_that_a_sibling_site_planted_change_nothing() {
    let app = TestApp::start().await;
    let mut token = app.register("ann").await.refresh_token;
    for planted in ["foo; a=%FF; ", "=; ;;; ", "refresh_token=x; ", "x__Host-refresh_token=y; ", "\"; a=\"; "]
    {
        let call =
            app.post("/auth/refresh").header("cookie", &format!("{planted}{COOKIE_NAME}={token}; z=%"));
        token = Session::of(&call.send().await.assert_status(200)).refresh_token;
    }
}
