//! `token_delivery: "both_cookies"`: for pages that never touch a token.

use awc::http::Method;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp, claims};
use test_support::{Answer, Call};

const REFRESH: &str = "__Host-refresh_token";
const ACCESS: &str = "__Host-access_token";
const CSRF: &str = "__Host-csrf_token";

/// What a browser keeps of the answers that it gets.
#[derive(Clone, Default)]
struct Browser {
    jar: Vec<(String, String)>,
    prefix_is_gone: bool,
}

impl Browser {
    fn keep(&mut self, answer: &Answer) {
        for name in [REFRESH, ACCESS, CSRF, "__Host-device"] {
            let name = if self.prefix_is_gone { name.trim_start_matches("__Host-") } else { name };
            let Some(cookie) = answer.cookie_named(name) else { continue };
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

    async fn send(&mut self, call: Call) -> Answer {
        let answer = self.call(call).send().await;
        self.keep(&answer);
        answer
    }

    /// Logged in with both cookies, as a person who is registered.
    async fn of(app: &TestApp, name: &str) -> (Self, Answer) {
        let mut browser = Self::default();
        let answer = browser.log_in(app, name, &json!({"token_delivery": "both_cookies"})).await;
        (browser, answer)
    }

    async fn log_in(&mut self, app: &TestApp, name: &str, members: &Value) -> Answer {
        let mut body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        self.send(app.post("/auth/login").json(&body)).await.assert_status(200)
    }
}

/// The claims of the access token that the browser holds, which must not be anywhere in the body.
fn access_claims(browser: &Browser, answer: &Answer) -> Value {
    let token = browser.value(ACCESS);
    assert!(!answer.text().contains(token) && !answer.text().contains(browser.value(REFRESH)));
    let body = answer.json();
    for absent in ["access_token", "refresh_token", "token_type"] {
        assert!(body.get(absent).is_none(), "{body}");
    }
    claims(token)
}

#[actix_web::test]
async fn a_login_sets_three_cookies_and_the_body_has_no_token() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (browser, answer) = Browser::of(&app, "ann").await;

    let csrf = answer.json()["csrf_token"].as_str().expect("a CSRF token").to_owned();
    assert_eq!(csrf.len(), 22, "128 bits");
    assert_ne!(claims(browser.value(REFRESH))["sk"], json!(csrf), "scripts can read it");
    assert_eq!(browser.value(CSRF), csrf);
    assert_eq!(access_claims(&browser, &answer)["csrf"], json!(csrf));
    assert_eq!(answer.json()["expires_in"], json!(900));
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    let attributes = |name| {
        let cookie = answer.cookie_named(name).expect("a cookie");
        let (_, attributes) = cookie.split_once("; ").expect("attributes");
        attributes.to_owned()
    };
    let month = 30 * 24 * 60 * 60;
    assert_eq!(attributes(REFRESH), format!("HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age={month}"));
    assert_eq!(attributes(ACCESS), "HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=900");
    assert_eq!(attributes(CSRF), format!("SameSite=Strict; Secure; Path=/; Max-Age={month}"));
    assert!(answer.device_cookie().is_some(), "it is a browser");
}

#[actix_web::test]
async fn a_registration_and_a_refresh_hand_out_the_same_three() {
    let app = TestApp::start().await;
    let person = json!({"email": "ann@example.org", "password": PASSWORD, "token_delivery": "both_cookies"});
    let mut browser = Browser::default();
    let answer = browser.send(app.post("/auth/register").json(&person)).await.assert_status(201);
    let first = access_claims(&browser, &answer);

    app.advance(TimeDelta::minutes(16));
    let answer = browser.send(app.post("/auth/refresh")).await.assert_status(200);
    assert_eq!(answer.json()["rotation"], json!(1));
    let second = access_claims(&browser, &answer);
    assert_ne!(second["jti"], first["jti"]);
    assert_eq!(answer.json()["csrf_token"], second["csrf"]);
    assert_eq!(browser.names(), [ACCESS, CSRF, REFRESH]);
}

#[actix_web::test]
async fn without_remember_all_three_go_with_the_browser() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let mut browser = Browser::default();
    let wanted = json!({"token_delivery": "both_cookies", "remember": false});
    let login = browser.log_in(&app, "ann", &wanted).await;
    let refresh = browser.send(app.post("/auth/refresh")).await.assert_status(200);
    for answer in [login, refresh] {
        for name in [REFRESH, ACCESS, CSRF] {
            let cookie = answer.cookie_named(name).expect("a cookie");
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
    let answer = browser.send(app.post("/auth/refresh")).await.assert_status(200);
    for name in [REFRESH, ACCESS, CSRF] {
        assert!(answer.cookie_named(name).expect("a cookie").ends_with("Max-Age=300"), "{name}");
    }
}

#[actix_web::test]
async fn over_plain_http_the_names_lose_their_prefix() {
    let app = TestApp::with(&["--cookie-secure", "false"]).await;
    let person = json!({"email": "ann@example.org", "password": PASSWORD, "token_delivery": "both_cookies"});
    let mut browser = Browser { prefix_is_gone: true, ..Browser::default() };
    let answer = browser.send(app.post("/auth/register").json(&person)).await.assert_status(201);
    for name in ["refresh_token", "access_token", "csrf_token"] {
        let cookie = answer.cookie_named(name).expect("a cookie");
        assert!(!cookie.contains("Secure") && cookie.contains("SameSite=Strict"), "{cookie}");
    }
    assert_eq!(claims(browser.value("access_token"))["csrf"], answer.json()["csrf_token"]);
    browser.send(app.post("/auth/logout")).await.assert_status(204);
    assert!(browser.names().is_empty());
}

#[actix_web::test]
async fn racing_tabs_are_told_one_csrf_token_which_fits_every_access_token() {
    let app = TestApp::with(&["--workers", "2"]).await;
    app.register("ann").await;
    let (mut browser, login) = Browser::of(&app, "ann").await;
    app.advance(TimeDelta::minutes(16));
    let answers = join_all((0..4).map(|_| browser.call(app.post("/auth/refresh")).send())).await;
    let told = login.json()["csrf_token"].clone();
    for answer in answers {
        let answer = answer.assert_status(200);
        // Whichever arrives last is what the browser keeps.
        browser.keep(&answer);
        assert_eq!((&answer.json()["csrf_token"], &answer.json()["rotation"]), (&told, &json!(1)));
        assert_eq!(access_claims(&browser, &answer)["csrf"], told);
    }
    // So does another server, and another session has its own.
    let another = app.another().await;
    let answer = browser.send(another.post("/auth/refresh")).await.assert_status(200);
    assert_eq!(answer.json()["csrf_token"], told);
    assert_ne!(Browser::of(&app, "ann").await.1.json()["csrf_token"], told);
}

#[actix_web::test]
async fn the_delivery_is_fixed_and_the_row_knows_it() {
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
    // It comes as that of a refresh_cookie session does, and still no token gets into the body.
    let alone = app.refresh(browser.value(REFRESH)).await.assert_status(200);
    browser.keep(&alone);
    access_claims(&browser, &alone);

    let plain = app.log_in("ann").await;
    let beside = format!("{REFRESH}={}; {ACCESS}=x; {CSRF}=y", plain.refresh_token);
    let answer = app.post("/auth/refresh").header("cookie", &beside).send().await.assert_status(200);
    assert!(answer.json()["access_token"].is_string() && answer.json().get("csrf_token").is_none());
    assert!(answer.cookie_named(ACCESS).is_none() && answer.cookie_named(CSRF).is_none());
}

#[actix_web::test]
async fn a_lost_answer_can_be_had_again_with_its_cookies() {
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
async fn a_password_given_once_more_brings_a_fresh_access_cookie() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (mut browser, login) = Browser::of(&app, "ann").await;
    let refresh_token = browser.value(REFRESH).to_owned();
    let before = claims(browser.value(ACCESS))["auth_time"].as_i64().expect("a time");
    app.advance(TimeDelta::minutes(10));
    let call = app.post("/auth/reauthenticate").json(&json!({"password": PASSWORD}));
    let answer = browser.send(call).await.assert_status(200);
    let fresh = access_claims(&browser, &answer);
    assert_eq!(fresh["auth_time"], json!(before + 600));
    assert_eq!(answer.json()["csrf_token"], login.json()["csrf_token"]);
    assert_eq!(fresh["csrf"], login.json()["csrf_token"]);
    assert!(answer.set_cookie().is_none());
    assert_eq!(browser.value(REFRESH), refresh_token);
    let csrf = answer.cookie_named(CSRF).expect("a cookie");
    assert!(csrf.ends_with(&format!("Max-Age={}", 30 * 24 * 60 * 60 - 600)), "{csrf}");
}

#[actix_web::test]
async fn whatever_ends_the_session_clears_all_three() {
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
async fn only_the_end_of_the_session_clears_them_at_a_refresh() {
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
    // A call that is made with the session says that it is over, and leaves the cookies to the refresh.
    stale.send(app.get("/auth/me")).await.assert_ended("logged_out");
    assert_eq!(stale.names(), all);
    stale.send(app.post("/auth/refresh")).await.assert_ended("logged_out");
    assert!(stale.names().is_empty());
}

#[actix_web::test]
async fn an_access_cookie_that_has_expired_is_cleared_with_the_rest() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (browser, _) = Browser::of(&app, "ann").await;
    // The browser has dropped it; another tab's refresh, which has not arrived yet, is about to bring it back.
    let mut late = browser.clone();
    late.jar.retain(|(name, _)| name != ACCESS);
    let refreshed = browser.call(app.post("/auth/refresh")).send().await.assert_status(200);
    let logout = late.call(app.post("/auth/logout")).send().await.assert_status(204);
    late.keep(&refreshed);
    late.keep(&logout);
    assert!(late.names().is_empty(), "{:?}", late.names());
}

#[actix_web::test]
async fn a_login_ends_what_was_there_and_clears_the_cookies_of_another_delivery() {
    let app = TestApp::start().await;
    app.register("ann").await;
    for (delivery, left) in
        [("refresh_cookie", vec![REFRESH]), ("body", vec![]), ("both_cookies", vec![ACCESS, CSRF, REFRESH])]
    {
        let (mut browser, _) = Browser::of(&app, "ann").await;
        let old = browser.value(REFRESH).to_owned();
        browser.log_in(&app, "ann", &json!({"token_delivery": delivery})).await;
        assert_eq!(browser.names(), left, "{delivery}");
        app.refresh(&old).await.assert_ended("logged_out");
    }
}

#[actix_web::test]
async fn the_access_cookie_opens_nothing_at_the_auth_server() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let (browser, _) = Browser::of(&app, "ann").await;
    let alone = format!("{ACCESS}={}; {CSRF}={}", browser.value(ACCESS), browser.value(CSRF));
    for path in ["/auth/me", "/auth/sessions", "/auth/events"] {
        app.get(path).header("cookie", &alone).send().await.assert_problem(401, "missing_token");
    }
    app.post("/auth/refresh").header("cookie", &alone).send().await.assert_problem(401, "missing_token");
}
