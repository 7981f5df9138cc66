use awc::http::Method;
use awc::http::header::HeaderValue;
use serde_json::json;

use crate::app::{PASSWORD, Session, TestApp};
use e2e::{COOKIE_NAME, Call};

const WITH_BODY: [(Method, &str); 5] = [
    (Method::POST, "/auth/register"),
    (Method::POST, "/auth/login"),
    (Method::POST, "/auth/refresh"),
    (Method::POST, "/auth/logout"),
    (Method::PATCH, "/auth/me"),
];

fn json_call(call: Call, body: impl Into<Vec<u8>>) -> Call {
    call.header("content-type", "application/json").raw(body)
}

#[actix_web::test]
async fn a_body_that_is_no_json_object_is_malformed() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let deep = "[".repeat(10_000);
    let bodies: [&[u8]; 9] = [
        b"{",
        b"nonsense",
        b"[]",
        b"\"text\"",
        b"{\"email\":\"a@example.org\",\"email\":\"b@example.org\"}",
        b"{\"email\":\"\\ud800\"}",
        b"{\"email\":\"\xff\"}",
        b"{\"audience\":1e999}",
        deep.as_bytes(),
    ];
    for (method, path) in WITH_BODY {
        for body in bodies {
            let call = app.call(method.clone(), path);
            let call = if path == "/auth/me" { call.cookie(&session.refresh_token) } else { call };
            json_call(call, body).send().await.assert_problem(400, "malformed_request");
        }
    }
    app.refresh(&session.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn wrong_types_are_malformed_and_unknown_members_are_named() {
    let app = TestApp::start().await;
    for body in
        [json!({"email": 1, "password": PASSWORD}), json!({"email": "a@example.org", "password": ["x"]})]
    {
        app.post("/auth/login").json(&body).send().await.assert_problem(400, "malformed_request");
    }
    let body = json!({"email": "a@example.org", "password": PASSWORD, "rember": true});
    let answer = app.post("/auth/login").json(&body).send().await.assert_problem(422, "invalid_input");
    assert!(answer.json()["fields"]["rember"].is_string());
    for path in ["/auth/refresh", "/auth/logout"] {
        let answer =
            app.post(path).json(&json!({"token": "x"})).send().await.assert_problem(422, "invalid_input");
        assert!(answer.json()["fields"]["token"].is_string());
    }
}

#[actix_web::test]
async fn nul_and_nothing_are_no_values() {
    let app = TestApp::start().await;
    for body in [
        json!({"email": "a\0@example.org", "password": PASSWORD}),
        json!({"email": "a@example.org", "password": "x\0y"}),
        json!({"email": "a@example.org", "password": ""}),
        json!({"email": "", "password": PASSWORD}),
        json!({"username": "a\0b", "password": PASSWORD}),
        json!({"password": PASSWORD}),
        json!({"email": "a@example.org"}),
        json!({"email": null, "password": null}),
        json!({}),
    ] {
        app.post("/auth/login").json(&body).send().await.assert_problem(422, "invalid_input");
    }
}

#[actix_web::test]
async fn only_json_is_taken() {
    let app = TestApp::start().await;
    for (method, path) in WITH_BODY {
        if path == "/auth/me" {
            continue;
        }
        for media_type in
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"]
        {
            let call = app.call(method.clone(), path).header("content-type", media_type).raw("{}");
            call.send().await.assert_problem(415, "unsupported_media_type");
        }
    }
    let call = app.post("/auth/logout").header("content-type", "Application/JSON; charset=utf-8").raw("{}");
    call.send().await.assert_status(204);
}

#[actix_web::test]
async fn a_body_of_more_than_16_kib_is_too_large() {
    let app = TestApp::start().await;
    let huge = json!({"email": "a@example.org", "password": "x".repeat(1 << 20)}).to_string();
    for (method, path) in WITH_BODY {
        let call = app.call(method.clone(), path);
        let call = if path == "/auth/me" { call } else { json_call(call, huge.clone()) };
        if path != "/auth/me" {
            call.send().await.assert_problem(413, "body_too_large");
        }
    }
}

#[actix_web::test]
async fn a_missing_body_is_told_where_one_is_needed() {
    let app = TestApp::start().await;
    app.post("/auth/login").send().await.assert_problem(400, "malformed_request");
    app.post("/auth/register").send().await.assert_problem(400, "malformed_request");
    app.post("/auth/refresh").send().await.assert_problem(401, "missing_token");
    app.post("/auth/logout").send().await.assert_status(204);
}

#[actix_web::test]
async fn methods_and_paths_that_do_not_exist_are_told() {
    let app = TestApp::start().await;
    let answer = app.get("/auth/login").send().await.assert_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = app.call(Method::PUT, "/auth/me").send().await.assert_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("GET, HEAD, PATCH"));
    for path in ["/", "/auth", "/auth/login/", "/auth/nothing", "/%ff", "/..%2f"] {
        app.get(path).send().await.assert_problem(404, "not_found");
    }
    app.call(Method::HEAD, "/healthz").send().await.assert_status(200);
}

#[actix_web::test]
async fn headers_beyond_the_limit_are_refused() {
    let app = TestApp::start().await;
    let answer = app.get("/healthz").header("x-filler", &"x".repeat(200 * 1024)).send().await;
    assert_eq!(answer.status, 431);
}

#[actix_web::test]
async fn the_wrong_kind_of_token_opens_nothing_and_spends_nothing() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    for token in [session.access_token.as_str(), "", "x", "a.b.c", &"x".repeat(9 * 1024)] {
        let answer = app.refresh(token).await;
        assert!(answer.assert_ended("unknown").clears_cookie(), "{token}");
    }
    let tampered = session.refresh_token.replacen(".ey", ".fy", 1);
    app.refresh(&tampered).await.assert_ended("unknown");
    app.refresh(&session.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn two_tokens_at_once_are_refused_and_neither_is_spent() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let token = &session.refresh_token;
    let twice = |path: &str| {
        app.post(path).header("cookie", &format!("{COOKIE_NAME}={token}; {COOKIE_NAME}={token}"))
    };
    let answer = twice("/auth/refresh").send().await.assert_problem(400, "malformed_request");
    assert!(answer.set_cookie().is_none());
    twice("/auth/logout-all").send().await.assert_problem(400, "malformed_request");

    let both = app.post("/auth/refresh").cookie(token).json(&json!({"refresh_token": token}));
    both.send().await.assert_problem(400, "malformed_request");
    let both = app.post("/auth/refresh").bearer(token).json(&json!({"refresh_token": token}));
    both.send().await.assert_problem(400, "malformed_request");
    app.post("/auth/refresh")
        .bearer(token)
        .bearer(token)
        .send()
        .await
        .assert_problem(400, "malformed_request");

    assert_eq!(Session::of(&app.refresh(token).await.assert_status(200)).rotation, 1);
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
async fn a_malformed_bearer_token_is_as_good_as_a_forged_one() {
    let app = TestApp::start().await;
    let answer = app.post("/auth/refresh").bearer("!!!").send().await.assert_ended("unknown");
    assert!(answer.set_cookie().is_none());
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
