use awc::http::Method;

use crate::app::{ISSUER, Session, TestApp};

const APP: &str = "https://app.example.org";

async fn status(app: &TestApp, session: &Session, headers: &[(&str, &str)]) -> u16 {
    let mut call = app.post("/auth/refresh").cookie(&session.refresh_token);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    let answer = call.send().await;
    if answer.status == 403 {
        assert!(answer.assert_problem(403, "origin_not_allowed").set_cookie().is_none());
        // Nothing was spent.
        app.refresh(&session.refresh_token).await.assert_status(200);
        return 403;
    }
    answer.status
}

#[actix_web::test]
async fn only_pages_that_are_trusted_may_act_for_a_person() {
    let table: &[(&[(&str, &str)], u16)] = &[
        (&[], 200),
        (&[("origin", ISSUER)], 200),
        (&[("origin", APP)], 200),
        (&[("origin", "https://app.example.org.evil.org")], 403),
        (&[("origin", "http://app.example.org")], 403),
        (&[("origin", "https://app.example.org:444")], 403),
        (&[("origin", "null")], 403),
        (&[("origin", "")], 403),
        (&[("origin", APP), ("origin", "https://evil.org")], 403),
        (&[("origin", APP), ("sec-fetch-site", "cross-site")], 200),
        (&[("origin", "https://evil.org"), ("sec-fetch-site", "same-origin")], 403),
        (&[("sec-fetch-site", "same-origin")], 200),
        (&[("sec-fetch-site", "none")], 200),
        (&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")], 403),
        (&[("referer", ISSUER), ("referer", "https://evil.org")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "cross-site"), ("referer", ISSUER)], 403),
        (&[("referer", "https://app.example.org/page?x=1")], 200),
        (&[("referer", "https://evil.org/https://app.example.org")], 403),
        (&[("referer", "nonsense")], 403),
    ];
    let app = TestApp::with(&["--allowed-origins", APP]).await;
    for (row, (headers, expected)) in table.iter().enumerate() {
        let session = app.register(&format!("person{row}")).await;
        assert_eq!(status(&app, &session, headers).await, *expected, "{headers:?}");
    }
}

#[actix_web::test]
async fn allowed_pages_may_read_answers_and_send_cookies() {
    let app = TestApp::with(&["--allowed-origins", APP]).await;
    let answer = app.post("/auth/logout").header("origin", APP).send().await.assert_status(204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    let exposed = answer.header("access-control-expose-headers").unwrap().to_lowercase();
    for name in ["retry-after", "www-authenticate", "x-request-id"] {
        assert!(exposed.contains(name), "{exposed}");
    }

    let refused =
        app.post("/auth/refresh").header("origin", APP).send().await.assert_problem(401, "missing_token");
    assert_eq!(refused.header("access-control-allow-origin"), Some(APP), "errors must be readable too");
}

#[actix_web::test]
async fn preflights_are_answered_for_allowed_pages_only() {
    let app = TestApp::with(&["--allowed-origins", APP]).await;
    let preflight = |origin: &str| {
        app.call(Method::OPTIONS, "/auth/refresh")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type,idempotency-key,x-csrf-token",
            )
            .send()
    };
    let answer = preflight(APP).await.assert_status(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
    preflight("https://evil.org").await.assert_problem(403, "origin_not_allowed");
    preflight("null").await.assert_problem(403, "origin_not_allowed");
}

#[actix_web::test]
async fn without_allowed_origins_no_page_of_another_origin_reads_anything() {
    let app = TestApp::start().await;
    let answer = app.get("/auth/me").header("origin", APP).send().await;
    assert!(answer.header("access-control-allow-origin").is_none());
}
