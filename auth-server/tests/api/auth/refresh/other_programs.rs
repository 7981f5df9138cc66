//! Headers and cookies that proxies, libraries and other programs add to requests.

use awc::http::header::SET_COOKIE;
use chrono::TimeDelta;
use serde_json::json;
use test_support::{Call, Response};

use crate::app::{PASSWORD, Session, TestApp};

/// The cookies have no prefix with this setting.
const PLAIN: &[&str] = &["--cookie-secure", "false"];
const FOREIGN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl";

/// Logs in with plain cookies, and returns the refresh token.
async fn plain_login(app: &TestApp) -> String {
    let credentials = json!({"email": "ann@example.org", "password": PASSWORD});
    let response = app.post("/auth/login").json(&credentials).send().await.assert_status(200);
    response.cookie("refresh_token").expect("a cookie")
}

fn with_cookies(call: Call, values: &[&str]) -> Call {
    let pairs: Vec<_> = values.iter().map(|value| format!("refresh_token={value}")).collect();
    call.header("cookie", &pairs.join("; "))
}

/// The paths of the refresh cookies that the response clears, and the number of those that it sets.
fn changed_cookies(response: &Response) -> (Vec<String>, usize) {
    let all = response.headers.get_all(SET_COOKIE).map(|value| value.to_str().expect("text"));
    let (cleared, set): (Vec<_>, Vec<_>) = all
        .filter(|cookie| cookie.starts_with("refresh_token="))
        .partition(|cookie| cookie.contains("Max-Age=0"));
    let path = |cookie: &str| {
        cookie.split("Path=").nth(1).and_then(|rest| rest.split(';').next().map(str::to_owned))
    };
    (cleared.into_iter().map(|cookie| path(cookie).expect("a path")).collect(), set.len())
}

#[actix_web::test]
async fn another_scheme_counts_as_no_header() {
    let app = TestApp::start().await;
    let mut token = app.register("ann").await.refresh_token;
    for value in ["Basic YTpi", "Negotiate YIIJ", "Digest username=\"a\"", "", "Bearerx y"] {
        let call = |call: Call| call.cookie(&token).header("authorization", value).send();
        call(app.get("/auth/me")).await.assert_status(200);
        call(app.get("/auth/sessions")).await.assert_status(200);
        token = Session::of(&call(app.post("/auth/refresh")).await.assert_status(200)).refresh_token;
    }
    app.post("/auth/refresh")
        .header("authorization", "Basic YTpi")
        .send()
        .await
        .assert_problem(401, "missing_token");
    let two = app.post("/auth/refresh").cookie(&token).header("authorization", "Basic YTpi").bearer("x");
    two.send().await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn a_bearer_token_that_is_no_refresh_token_does_not_hide_the_cookie_of_a_refresh() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let access_token = format!("Bearer {}", session.access_token);
    let mut token = session.refresh_token;
    for value in [&access_token, "Bearer undefined", "Bearer null", "Bearer", "Bearer a b", "bearer !!!"] {
        let call = app.post("/auth/refresh").cookie(&token).header("authorization", value);
        token = Session::of(&call.send().await.assert_status(200)).refresh_token;
        // Without a cookie it is what the client presents.
        let alone = app.post("/auth/refresh").header("authorization", value).send().await;
        assert!(alone.assert_ended("unknown").set_cookie().is_none());
        // In other calls a bearer token decides alone.
        if value != access_token {
            let call = app.get("/auth/me").cookie(&token).header("authorization", value);
            call.send().await.assert_problem(401, "invalid_token");
        }
    }
    let call = app.post("/auth/logout").cookie(&token).header("authorization", &access_token);
    call.send().await.assert_status(204);
    app.refresh(&token).await.assert_ended("logged_out");
}

#[actix_web::test]
async fn a_bearer_refresh_token_decides_alone_and_one_in_the_body_goes_with_an_access_token() {
    let app = TestApp::start().await;
    let by_cookie = app.register("ann").await;
    let in_body = app.try_login("ann", &json!({"token_delivery": "body"})).await.json();
    let in_body = in_body["refresh_token"].as_str().unwrap();

    let body = json!({"refresh_token": in_body});
    let call = app.post("/auth/refresh").bearer(&by_cookie.access_token).json(&body);
    let next = call.send().await.assert_status(200).json();
    let next = next["refresh_token"].as_str().unwrap();
    let call = app.post("/auth/refresh").bearer(next).cookie(&by_cookie.refresh_token);
    assert_eq!(call.send().await.assert_status(200).json()["rotation"], json!(2));
    let call = app.post("/auth/refresh").bearer(next).json(&body);
    call.send().await.assert_problem(400, "malformed_request");

    app.advance(TimeDelta::days(31));
    let call = app.post("/auth/refresh").bearer(next).cookie(&app.log_in("ann").await.refresh_token);
    call.send().await.assert_ended("expired");
}

#[actix_web::test]
async fn a_cookie_of_another_program_is_skipped_and_cleared() {
    let app = TestApp::with(PLAIN).await;
    app.post("/auth/register")
        .json(&json!({"email": "ann@example.org", "password": PASSWORD}))
        .send()
        .await
        .assert_status(201);
    let mut token = plain_login(&app).await;
    for place in 0..3 {
        let mut values = vec![FOREIGN, ""];
        values.insert(place, &token);
        with_cookies(app.get("/auth/me"), &values).send().await.assert_status(200);
        let response = with_cookies(app.post("/auth/refresh"), &values).send().await.assert_status(200);
        let paths = ["/auth", "/auth/", "/auth/refresh"].map(str::to_owned).to_vec();
        assert_eq!(changed_cookies(&response), (paths, 1));
        token = response
            .headers
            .get_all(SET_COOKIE)
            .map(|value| value.to_str().unwrap())
            .find_map(|cookie| {
                let value = cookie.split(';').next()?.strip_prefix("refresh_token=")?;
                (!value.is_empty()).then(|| value.to_owned())
            })
            .expect("a token");
    }
    // One cookie hides nothing.
    let response = with_cookies(app.post("/auth/refresh"), &[&token]).send().await.assert_status(200);
    assert_eq!(changed_cookies(&response), (vec![], 1));
    // A login clears it too, and so does the end of the session.
    let credentials = json!({"email": "ann@example.org", "password": PASSWORD});
    let call = with_cookies(app.post("/auth/login"), &[FOREIGN, ""]).json(&credentials);
    let cleared = ["/auth", "/auth/", "/auth/login"].map(str::to_owned).to_vec();
    assert_eq!(changed_cookies(&call.send().await.assert_status(200)), (cleared, 1));
    let response =
        with_cookies(app.post("/auth/refresh"), &[FOREIGN, "x"]).send().await.assert_ended("unknown");
    let cleared = ["/", "/auth", "/auth/", "/auth/refresh"].map(str::to_owned).to_vec();
    assert_eq!(changed_cookies(&response), (cleared, 0));
}

#[actix_web::test]
async fn of_two_tokens_of_one_session_the_newest_counts_and_two_sessions_are_rejected() {
    let app = TestApp::with(PLAIN).await;
    app.post("/auth/register")
        .json(&json!({"email": "ann@example.org", "password": PASSWORD}))
        .send()
        .await
        .assert_status(201);
    let old = plain_login(&app).await;
    let other = plain_login(&app).await;
    let response = with_cookies(app.post("/auth/refresh"), &[&old]).send().await.assert_status(200);
    let new = response.cookie("refresh_token").expect("a cookie");
    app.advance(TimeDelta::seconds(11));
    for values in [[old.as_str(), &new], [&new, &old], [&new, &new]] {
        with_cookies(app.get("/auth/me"), &values).send().await.assert_status(200);
    }
    for values in [[new.as_str(), &other], [&other, &new]] {
        with_cookies(app.get("/auth/me"), &values).send().await.assert_problem(400, "malformed_request");
        let response = with_cookies(app.post("/auth/refresh"), &values).send().await;
        let response = response.assert_problem(400, "malformed_request");
        // Our own cookie is the one of the path `/`.
        assert_eq!(
            changed_cookies(&response),
            (["/auth", "/auth/", "/auth/refresh"].map(str::to_owned).to_vec(), 0)
        );
    }
    let many = [new.as_str(); 11];
    with_cookies(app.post("/auth/refresh"), &many).send().await.assert_problem(400, "malformed_request");
    // Nothing of that changed a session.
    for token in [&new, &other] {
        with_cookies(app.post("/auth/refresh"), &[token]).send().await.assert_status(200);
    }
}

#[actix_web::test]
async fn with_the_prefix_no_cookie_of_another_path_is_cleared() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let call = app.post("/auth/refresh").cookie(FOREIGN).cookie(&session.refresh_token);
    let response = call.send().await.assert_status(200);
    assert_eq!(Session::of(&response).rotation, 1);
}
