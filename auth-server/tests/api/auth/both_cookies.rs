//! `token_delivery: "both_cookies"`: for pages that never handle tokens.

use awc::http::Method;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp, claims};
use test_support::{Call, Response};

const REFRESH: &str = "__Host-refresh_token";
const ACCESS: &str = "__Host-access_token";
const CSRF: &str = "__Host-csrf_token";

/// The cookies that a browser keeps from responses.
#[derive(Clone, Default)]
struct Browser {
    jar: Vec<(String, String)>,
    without_prefix: bool,
}

impl Browser {
    fn keep(&mut self, response: &Response) {
        for name in [REFRESH, ACCESS, CSRF, "__Host-device"] {
            let name = if self.without_prefix { name.trim_start_matches("__Host-") } else { name };
            let Some(cookie) = response.cookie_named(name) else { continue };
            self.jar.retain(|(known, _)| known != name);
            if !cookie.contains("Max-Age=0") {
                let value = cookie.split([';', '=']).nth(1).expect("a value");
                self.jar.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> =
            self.jar.iter().map(|(name, _)| name.as_str()).filter(|name| !name.ends_with("device")).collect();
        names.sort_unstable();
        names
    }

    fn value(&self, name: &str) -> &str {
        self.jar.iter().find(|(known, _)| known == name).map(|(_, value)| value).expect("a cookie")
    }

    fn call(&self, call: Call) -> Call {
        let pairs: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { call } else { call.header("cookie", &pairs.join("; ")) }
    }

    async fn send(&mut self, call: Call) -> Response {
        let response = self.call(call).send().await;
        self.keep(&response);
        response
    }

    /// Logs in a registered user with both cookies.
    async fn of(app: &TestApp, name: &str) -> (Self, Response) {
        let mut browser = Self::default();
        let response = browser.log_in(app, name, &json!({"token_delivery": "both_cookies"})).await;
        (browser, response)
    }

    async fn log_in(&mut self, app: &TestApp, name: &str, members: &Value) -> Response {
        let mut body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        self.send(app.post("/auth/login").json(&body)).await.assert_status(200)
    }
}

/// The claims of the browser's access token. Asserts that the body contains no token.
fn access_claims(browser: &Browser, response: &Response) -> Value {
    let token = browser.value(ACCESS);
    assert!(!response.text().contains(token) && !response.text().contains(browser.value(REFRESH)));
    let body = response.json();
    for absent in ["access_token", "refresh_token", "token_type"] {
        assert!(body.get(absent).is_none(), "{body}");
    }
    claims(token)
}

#[actix_web::test]
async fn a_login_sets_three_cookies_and_the_body_has_no_token() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (browser, response) = Browser::of(&app, "ann").await;

    let csrf = response.json()["csrf_token"].as_str().expect("a CSRF token").to_owned();
    assert_eq!(csrf.len(), 22, "128 bits");
    assert_ne!(claims(browser.value(REFRESH))["sk"], json!(csrf), "scripts can read it");
    assert_eq!(browser.value(CSRF), csrf);
    assert_eq!(access_claims(&browser, &response)["csrf"], json!(csrf));
    assert_eq!(response.json()["expires_in"], json!(900));
    assert_eq!(response.header("cache-control"), Some("no-store"));

    let attributes = |name| {
        let cookie = response.cookie_named(name).expect("a cookie");
        let (_, attributes) = cookie.split_once("; ").expect("attributes");
        attributes.to_owned()
    };
    let month = 30 * 24 * 60 * 60;
    assert_eq!(attributes(REFRESH), format!("HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age={month}"));
    assert_eq!(attributes(ACCESS), "HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=900");
    assert_eq!(attributes(CSRF), format!("SameSite=Strict; Secure; Path=/; Max-Age={month}"));
    assert!(response.device_cookie().is_some(), "browsers get a device cookie");
}

#[actix_web::test]
async fn registrations_and_refreshes_set_the_same_three_cookies() {
    let app = TestApp::start().await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD, "token_delivery": "both_cookies"});
    let mut browser = Browser::default();
    let response = browser.send(app.post("/auth/register").json(&user)).await.assert_status(201);
    let first = access_claims(&browser, &response);

    app.advance(TimeDelta::minutes(16));
    let response = browser.send(app.post("/auth/refresh")).await.assert_status(200);
    assert_eq!(response.json()["rotation"], json!(1));
    let second = access_claims(&browser, &response);
    assert_ne!(second["jti"], first["jti"]);
    assert_eq!(response.json()["csrf_token"], second["csrf"]);
    assert_eq!(browser.names(), [ACCESS, CSRF, REFRESH]);
}

#[actix_web::test]
async fn without_remember_all_three_are_session_cookies() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let mut browser = Browser::default();
    let members = json!({"token_delivery": "both_cookies", "remember": false});
    let login = browser.log_in(&app, "ann", &members).await;
    let refresh = browser.send(app.post("/auth/refresh")).await.assert_status(200);
    for response in [login, refresh] {
        for name in [REFRESH, ACCESS, CSRF] {
            let cookie = response.cookie_named(name).expect("a cookie");
            assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
        }
    }
}

#[actix_web::test]
async fn the_access_cookie_does_not_outlive_the_session() {
    let app = TestApp::with(&["--session-max-ttl", "20m", "--refresh-idle-ttl", "20m"]).await;
    app.register("ann").await;
    let (mut browser, _) = Browser::of(&app, "ann").await;
    app.advance(TimeDelta::minutes(15));
    let response = browser.send(app.post("/auth/refresh")).await.assert_status(200);
    for name in [REFRESH, ACCESS, CSRF] {
        assert!(response.cookie_named(name).expect("a cookie").ends_with("Max-Age=300"), "{name}");
    }
}

#[actix_web::test]
async fn over_plain_http_the_cookie_names_have_no_prefix() {
    let app = TestApp::with(&["--cookie-secure", "false"]).await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD, "token_delivery": "both_cookies"});
    let mut browser = Browser { without_prefix: true, ..Browser::default() };
    let response = browser.send(app.post("/auth/register").json(&user)).await.assert_status(201);
    for name in ["refresh_token", "access_token", "csrf_token"] {
        let cookie = response.cookie_named(name).expect("a cookie");
        assert!(!cookie.contains("Secure") && cookie.contains("SameSite=Strict"), "{cookie}");
    }
    assert_eq!(claims(browser.value("access_token"))["csrf"], response.json()["csrf_token"]);
    browser.send(app.post("/auth/logout")).await.assert_status(204);
    assert!(browser.names().is_empty());
}

#[actix_web::test]
async fn racing_tabs_get_one_csrf_token_that_matches_every_access_token() {
    let app = TestApp::with(&["--workers", "2"]).await;
    app.register("ann").await;
    let (mut browser, login) = Browser::of(&app, "ann").await;
    app.advance(TimeDelta::minutes(16));
    let responses = join_all((0..4).map(|_| browser.call(app.post("/auth/refresh")).send())).await;
    let csrf = login.json()["csrf_token"].clone();
    for response in responses {
        let response = response.assert_status(200);
        // The browser keeps the last one to arrive.
        browser.keep(&response);
        assert_eq!((&response.json()["csrf_token"], &response.json()["rotation"]), (&csrf, &json!(1)));
        assert_eq!(access_claims(&browser, &response)["csrf"], csrf);
    }
    // Another server returns the same token; another session has a different one.
    let another = app.another().await;
    let response = browser.send(another.post("/auth/refresh")).await.assert_status(200);
    assert_eq!(response.json()["csrf_token"], csrf);
    assert_ne!(Browser::of(&app, "ann").await.1.json()["csrf_token"], csrf);
}

#[actix_web::test]
async fn the_delivery_is_fixed_and_stored_with_the_session() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (mut browser, _) = Browser::of(&app, "ann").await;
    let stolen = json!({"refresh_token": browser.value(REFRESH)});
    app.post("/auth/refresh").json(&stolen).send().await.assert_problem(400, "malformed_request");
    app.post("/auth/refresh")
        .bearer(browser.value(REFRESH))
        .send()
        .await
        .assert_problem(400, "malformed_request");
    // The request looks like one of a refresh_cookie session, and the body still contains no token.
    let alone = app.refresh(browser.value(REFRESH)).await.assert_status(200);
    browser.keep(&alone);
    access_claims(&browser, &alone);

    let plain = app.log_in("ann").await;
    let beside = format!("{REFRESH}={}; {ACCESS}=x; {CSRF}=y", plain.refresh_token);
    let response = app.post("/auth/refresh").header("cookie", &beside).send().await.assert_status(200);
    assert!(response.json()["access_token"].is_string() && response.json().get("csrf_token").is_none());
    assert!(response.cookie_named(ACCESS).is_none() && response.cookie_named(CSRF).is_none());
}

#[actix_web::test]
async fn a_lost_response_is_redelivered_with_its_cookies() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (mut browser, _) = Browser::of(&app, "ann").await;
    let key = "a-key-of-22-characters";
    let call = || app.post("/auth/refresh").header("Idempotency-Key", key);
    browser.call(call()).send().await.assert_status(200);
    app.advance(TimeDelta::minutes(20));
    let again = browser.send(call()).await.assert_status(200);
    assert_eq!(again.json()["rotation"], json!(1));
    access_claims(&browser, &again);
}

#[actix_web::test]
async fn reauthentication_sets_three_fresh_cookies() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (mut browser, login) = Browser::of(&app, "ann").await;
    let before = claims(browser.value(ACCESS))["auth_time"].as_i64().expect("a time");
    app.advance(TimeDelta::minutes(10));
    let call = app.post("/auth/reauthenticate").json(&json!({"password": PASSWORD}));
    let response = browser.send(call).await.assert_status(200);
    let fresh = access_claims(&browser, &response);
    assert_eq!(fresh["auth_time"], json!(before + 600));
    assert_eq!(response.json()["csrf_token"], login.json()["csrf_token"]);
    assert_eq!(fresh["csrf"], login.json()["csrf_token"]);
    assert_eq!(claims(browser.value(REFRESH))["gen"], json!(1));
    let csrf = response.cookie_named(CSRF).expect("a cookie");
    assert!(csrf.ends_with(&format!("Max-Age={}", 30 * 24 * 60 * 60 - 600)), "{csrf}");
}

#[actix_web::test]
async fn a_new_password_sets_three_cookies_with_a_new_csrf_token() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (mut browser, login) = Browser::of(&app, "ann").await;
    let change = json!({"current_password": PASSWORD, "new_password": "an entirely different staple"});
    let response = browser.send(app.post("/auth/password").json(&change)).await.assert_status(200);
    let csrf = &response.json()["csrf_token"];
    assert_ne!(csrf, &login.json()["csrf_token"]);
    assert_eq!((&access_claims(&browser, &response)["csrf"], &json!(browser.value(CSRF))), (csrf, csrf));
    browser.send(app.post("/auth/refresh")).await.assert_status(200);
}

#[actix_web::test]
async fn every_way_to_end_the_session_clears_all_three() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let ends: [(Method, &str); 4] = [
        (Method::POST, "/auth/logout"),
        (Method::POST, "/auth/logout-all"),
        (Method::DELETE, "/auth/sessions/{id}"),
        (Method::DELETE, "/auth/me"),
    ];
    for (method, path) in ends {
        let (mut browser, _) = Browser::of(&app, "ann").await;
        let sid = claims(browser.value(ACCESS))["sid"].as_str().expect("a session").to_owned();
        browser.send(app.call(method, &path.replace("{id}", &sid))).await.assert_status(204);
        assert!(browser.names().is_empty(), "{path}: {:?}", browser.names());
    }
}

#[actix_web::test]
async fn a_refresh_clears_the_cookies_only_if_the_session_has_ended() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (mut browser, _) = Browser::of(&app, "ann").await;
    let all = [ACCESS, CSRF, REFRESH];
    browser.send(app.get("/auth/nothing")).await.assert_status(404);
    browser.send(app.post("/auth/refresh").header("Idempotency-Key", "x")).await.assert_status(400);
    browser.send(app.post("/auth/refresh").header("Origin", "https://evil.example")).await.assert_status(403);
    browser.send(app.post("/auth/refresh").json(&json!({"audience": "none"}))).await.assert_status(422);
    assert_eq!(browser.names(), all);

    let mut stale = browser.clone();
    browser.send(app.post("/auth/logout")).await.assert_status(204);
    // A session call reports the end and leaves the cookies to the refresh.
    stale.send(app.get("/auth/me")).await.assert_ended("logged_out");
    assert_eq!(stale.names(), all);
    stale.send(app.post("/auth/refresh")).await.assert_ended("logged_out");
    assert!(stale.names().is_empty());
}

#[actix_web::test]
async fn an_expired_access_cookie_is_cleared_with_the_others() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (browser, _) = Browser::of(&app, "ann").await;
    // The browser has dropped the cookie, and the response to another tab's refresh is about to set it again.
    let mut late = browser.clone();
    late.jar.retain(|(name, _)| name != ACCESS);
    let refreshed = browser.call(app.post("/auth/refresh")).send().await.assert_status(200);
    let logout = late.call(app.post("/auth/logout")).send().await.assert_status(204);
    late.keep(&refreshed);
    late.keep(&logout);
    assert!(late.names().is_empty(), "{:?}", late.names());
}

#[actix_web::test]
async fn a_login_ends_the_previous_session_and_clears_cookies_of_another_delivery() {
    let app = TestApp::start().await;
    app.register("ann").await;
    for (delivery, remaining) in
        [("refresh_cookie", vec![REFRESH]), ("body", vec![]), ("both_cookies", vec![ACCESS, CSRF, REFRESH])]
    {
        let (mut browser, _) = Browser::of(&app, "ann").await;
        let old = browser.value(REFRESH).to_owned();
        browser.log_in(&app, "ann", &json!({"token_delivery": delivery})).await;
        assert_eq!(browser.names(), remaining, "{delivery}");
        app.refresh(&old).await.assert_ended("logged_out");
    }
}

#[actix_web::test]
async fn the_auth_server_does_not_accept_the_access_cookie() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (browser, _) = Browser::of(&app, "ann").await;
    let alone = format!("{ACCESS}={}; {CSRF}={}", browser.value(ACCESS), browser.value(CSRF));
    for path in ["/auth/me", "/auth/sessions", "/auth/events"] {
        app.get(path).header("cookie", &alone).send().await.assert_problem(401, "missing_token");
    }
    app.post("/auth/refresh").header("cookie", &alone).send().await.assert_problem(401, "missing_token");
}
