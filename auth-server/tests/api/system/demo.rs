use crate::app::TestApp;

const API: &str = "http://localhost:8081";

/// Every file of the page, and its media type.
const FILES: [(&str, &str); 11] = [
    ("/demo/", "text/html; charset=utf-8"),
    ("/demo/demo.js", "text/javascript; charset=utf-8"),
    ("/demo/account.js", "text/javascript; charset=utf-8"),
    ("/demo/confirmation.js", "text/javascript; charset=utf-8"),
    ("/demo/events.js", "text/javascript; charset=utf-8"),
    ("/demo/messages.js", "text/javascript; charset=utf-8"),
    ("/demo/servers.js", "text/javascript; charset=utf-8"),
    ("/demo/demo.css", "text/css; charset=utf-8"),
    ("/demo/account.css", "text/css; charset=utf-8"),
    ("/demo/icon.svg", "image/svg+xml"),
    ("/client/auth.js", "text/javascript; charset=utf-8"),
];

#[actix_web::test]
async fn the_page_is_served_where_it_is_asked_for() {
    let app = TestApp::with(&["--demo-api-url", API]).await;
    for path in ["/", "/demo"] {
        let answer = app.get(path).send().await.assert_status(307);
        assert_eq!(answer.header("location"), Some("/demo/"));
    }
    for (path, media_type) in FILES {
        let answer = app.get(path).send().await.assert_status(200);
        assert_eq!(answer.header("content-type"), Some(media_type), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert!(!answer.body.is_empty());
    }
    let settings = app.get("/demo/settings.json").send().await.assert_status(200);
    assert_eq!(settings.json(), serde_json::json!({"api_url": API}));
    app.post("/demo/").send().await.assert_problem(405, "method_not_allowed");
}

#[actix_web::test]
async fn the_page_is_not_there_unless_it_is_asked_for() {
    let app = TestApp::start().await;
    let others = ["/", "/demo", "/demo/settings.json"];
    for path in FILES.iter().map(|(path, _)| *path).chain(others) {
        app.get(path).send().await.assert_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn the_page_may_run_nothing_inline_and_call_nobody_but_the_two_servers() {
    let app = TestApp::with(&["--demo-api-url", API]).await;
    let answer = app.get("/demo/").send().await.assert_status(200);
    let policy = answer.header("content-security-policy").expect("a policy");
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    for directive in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self' http://localhost:8081",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(directives.contains(&directive), "{directive} is missing: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let page = answer.text();
    for inline in [" style=", " onclick=", " onsubmit=", "<style", "javascript:"] {
        assert!(!page.contains(inline), "{inline} would not work under the policy");
    }
    assert!(!page.contains("http://") && !page.contains("https://"), "something comes from elsewhere");
}

#[actix_web::test]
async fn an_api_that_is_no_origin_stops_the_start() {
    for wrong in ["localhost:8081", "http://localhost:8081/api", "'self'; script-src *", "nonsense"] {
        let error = TestApp::launch(
            std::sync::Arc::new(test_support::TestDatabase::fresh()),
            shared_claims::testing::ManualClock::new(),
            vec!["--demo-api-url".to_owned(), wrong.to_owned()],
        )
        .await
        .err()
        .expect("no start");
        assert!(error.contains("DEMO_API_URL") && !error.contains('\n'), "{error}");
    }
}
