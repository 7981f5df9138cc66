//! Invalid input to single calls. `e2e/tests/e2e/bad_input.rs` has a table of what applies to all calls.

use awc::http::Method;
use awc::http::header::HeaderValue;
use serde_json::json;

use crate::app::{PASSWORD, Session, TestApp};
use test_support::{COOKIE_NAME, Call};

fn json_call(call: Call, body: impl Into<Vec<u8>>) -> Call {
    call.header("content-type", "application/json").raw(body)
}

#[actix_web::test]
async fn unknown_missing_and_conflicting_members_are_named() {
    let app = TestApp::start().await;
    for (body, named) in [
        (json!({"email": "a@example.org", "password": PASSWORD, "rember": true}), "rember"),
        (json!({"email": "a@example.org", "username": "ann", "password": PASSWORD}), "username"),
        (json!({"password": PASSWORD}), "email"),
        (json!({"email": "a@example.org"}), "password"),
        (json!({"email": "a@example.org", "password": "x\0y"}), "password"),
    ] {
        let response = app.post("/auth/login").json(&body).send().await.assert_problem(422, "invalid_input");
        let fields = response.json()["fields"].as_object().expect("fields").clone();
        assert_eq!(fields.keys().collect::<Vec<_>>(), [named]);
    }
}

#[actix_web::test]
async fn null_is_a_body_without_members() {
    let app = TestApp::start().await;
    let admin = app.db_administrator("root").await;
    let user = format!("/admin/users/{}", admin.user_id);
    for body in ["null", "{}", ""] {
        for path in ["/auth/me", &user] {
            let call = app.call(Method::PATCH, path).cookie(&admin.refresh_token);
            json_call(call, body).send().await.assert_status(200);
        }
        let call = app.post("/auth/refresh").cookie(&app.log_in("root").await.refresh_token);
        json_call(call, body).send().await.assert_status(200);
        let call = app.post("/auth/logout").cookie(&app.log_in("root").await.refresh_token);
        json_call(call, body).send().await.assert_status(204);
    }
    json_call(app.post("/auth/login"), "null").send().await.assert_problem(400, "malformed_request");
    json_call(app.post("/auth/logout"), "[]").send().await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn a_byte_order_mark_before_the_body_is_ignored() {
    let app = TestApp::start().await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    json_call(app.post("/auth/register"), format!("\u{feff}{user}")).send().await.assert_status(201);
    json_call(app.post("/auth/logout"), "\u{feff}").send().await.assert_status(204);
    let twice = format!("\u{feff}\u{feff}{user}");
    json_call(app.post("/auth/login"), twice).send().await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn a_media_type_may_have_parameters_and_capitals() {
    let app = TestApp::start().await;
    let call = app.post("/auth/logout").header("content-type", "Application/JSON; charset=utf-8").raw("{}");
    call.send().await.assert_status(204);
}

#[actix_web::test]
async fn unknown_paths_get_404() {
    let app = TestApp::start().await;
    for path in ["/auth", "/auth/login/", "/auth/nothing", "/%ff", "/..%2f"] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
            app.call(method, path).send().await.assert_problem(404, "not_found");
        }
    }
}

#[actix_web::test]
async fn an_invalid_token_in_a_cookie_clears_the_cookie() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    for token in [session.access_token.as_str(), "", "x", "a.b.c", &"x".repeat(9 * 1024)] {
        let response = app.refresh(token).await;
        assert!(response.assert_ended("unknown").clears_cookie(), "{token}");
    }
    let tampered = session.refresh_token.replacen(".ey", ".fy", 1);
    app.refresh(&tampered).await.assert_ended("unknown");
    let response = app.post("/auth/refresh").bearer("!!!").send().await.assert_ended("unknown");
    assert!(response.set_cookie().is_none());
    app.refresh(&session.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn only_the_exact_cookie_name_is_accepted() {
    let app = TestApp::start().await;
    let token = app.register("ann").await.refresh_token;
    // Sibling sites can set these cookies, because for the browser their names do not start with __Host-.
    for blank in ["\u{2000}", "\u{a0}", "\u{3000}", "\u{b}"] {
        let Ok(value) = HeaderValue::from_bytes(format!("{blank}{COOKIE_NAME}={token}").as_bytes()) else {
            continue;
        };
        let response = app.post("/auth/refresh").header_value("cookie", value).send().await;
        response.assert_problem(401, "missing_token");
    }
}

#[actix_web::test]
async fn a_member_cannot_hide_in_a_name_reserved_by_the_parser() {
    let app = TestApp::start().await;
    let body =
        r#"{"$serde_json::private::RawValue":"{\"email\":\"a@example.org\",\"email\":\"b@example.org\"}"}"#;
    json_call(app.post("/auth/login"), body).send().await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn cookies_planted_by_a_sibling_site_change_nothing() {
    let app = TestApp::start().await;
    let mut token = app.register("ann").await.refresh_token;
    for planted in ["foo; a=%FF; ", "=; ;;; ", "refresh_token=x; ", "x__Host-refresh_token=y; ", "\"; a=\"; "]
    {
        let call =
            app.post("/auth/refresh").header("cookie", &format!("{planted}{COOKIE_NAME}={token}; z=%"));
        token = Session::of(&call.send().await.assert_status(200)).refresh_token;
    }
}

#[actix_web::test]
async fn an_invalid_body_is_reported_before_a_missing_token_and_invalid_members_after_it() {
    let app = TestApp::start().await;
    let user = format!("/admin/users/{}", uuid::Uuid::nil());
    for (method, path, invalid) in [
        (Method::PATCH, "/auth/me", r#"{"username":"not a username"}"#),
        (Method::POST, "/auth/password", r#"{"current_password":""}"#),
        (Method::POST, "/auth/reauthenticate", "{}"),
        (Method::PATCH, user.as_str(), r#"{"roles":["Not A Role"]}"#),
    ] {
        let send = |body: &str| json_call(app.call(method.clone(), path), body).send();
        send("{").await.assert_problem(400, "malformed_request");
        send(r#"{"unknown":1}"#).await.assert_problem(422, "invalid_input");
        app.call(method.clone(), path).raw("{}").send().await.assert_problem(415, "unsupported_media_type");
        send(invalid).await.assert_problem(401, "missing_token");
    }
    let key = |call: Call| call.header("idempotency-key", "too-short");
    json_call(key(app.post("/auth/refresh")), r#"{"unknown":1}"#)
        .send()
        .await
        .assert_problem(422, "invalid_input");
    key(app.post("/auth/refresh")).send().await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn a_missing_token_or_role_is_reported_before_an_invalid_path_or_query() {
    let app = TestApp::start().await;
    let ann = app.register("ann").await.refresh_token;
    for (method, path, is_for_administrators) in [
        (Method::GET, "/auth/events?limit=0", false),
        (Method::GET, "/auth/events?limit=1&limit=1", false),
        (Method::DELETE, "/auth/sessions/nonsense", false),
        (Method::GET, "/admin/users?limit=1&limit=1", true),
        (Method::GET, "/admin/users/nonsense", true),
        (Method::GET, "/admin/users/nonsense/sessions", true),
        (Method::DELETE, "/admin/users/nonsense/sessions", true),
        (Method::DELETE, "/admin/users/nonsense/sessions/nonsense", true),
        (Method::GET, "/admin/events?ip=nonsense", true),
    ] {
        app.call(method.clone(), path).send().await.assert_problem(401, "missing_token");
        if is_for_administrators {
            app.call(method, path).cookie(&ann).send().await.assert_problem(403, "role_required");
        }
    }
}
