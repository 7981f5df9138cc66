use serde_json::json;

use crate::app::TestApp;

const API: &str = "http://localhost:8081";

/// Every file of the demo page, and its media type.
const FILES: [(&str, &str); 36] = [
    ("/demo/", "text/html; charset=utf-8"),
    ("/demo/demo.js", "text/javascript; charset=utf-8"),
    ("/demo/account.js", "text/javascript; charset=utf-8"),
    ("/demo/calls.js", "text/javascript; charset=utf-8"),
    ("/demo/claims.js", "text/javascript; charset=utf-8"),
    ("/demo/code_form.js", "text/javascript; charset=utf-8"),
    ("/demo/confirmation.js", "text/javascript; charset=utf-8"),
    ("/demo/curl.js", "text/javascript; charset=utf-8"),
    ("/demo/email.js", "text/javascript; charset=utf-8"),
    ("/demo/events.js", "text/javascript; charset=utf-8"),
    ("/demo/experiments.js", "text/javascript; charset=utf-8"),
    ("/demo/forms.js", "text/javascript; charset=utf-8"),
    ("/demo/messages.js", "text/javascript; charset=utf-8"),
    ("/demo/network.js", "text/javascript; charset=utf-8"),
    ("/demo/scenarios.js", "text/javascript; charset=utf-8"),
    ("/demo/sequence.js", "text/javascript; charset=utf-8"),
    ("/demo/servers.js", "text/javascript; charset=utf-8"),
    ("/demo/sign_in.js", "text/javascript; charset=utf-8"),
    ("/demo/sign_in_link.js", "text/javascript; charset=utf-8"),
    ("/demo/signature.js", "text/javascript; charset=utf-8"),
    ("/demo/tabs.js", "text/javascript; charset=utf-8"),
    ("/demo/timeline.js", "text/javascript; charset=utf-8"),
    ("/demo/token.js", "text/javascript; charset=utf-8"),
    ("/demo/verdicts.js", "text/javascript; charset=utf-8"),
    ("/demo/view.js", "text/javascript; charset=utf-8"),
    ("/demo/demo.css", "text/css; charset=utf-8"),
    ("/demo/account.css", "text/css; charset=utf-8"),
    ("/demo/timeline.css", "text/css; charset=utf-8"),
    ("/client/account.js", "text/javascript; charset=utf-8"),
    ("/client/auth.js", "text/javascript; charset=utf-8"),
    ("/client/factors.js", "text/javascript; charset=utf-8"),
    ("/client/passkeys.js", "text/javascript; charset=utf-8"),
    ("/client/record.js", "text/javascript; charset=utf-8"),
    ("/client/server.js", "text/javascript; charset=utf-8"),
    ("/client/session.js", "text/javascript; charset=utf-8"),
    ("/client/state.js", "text/javascript; charset=utf-8"),
];

#[actix_web::test]
async fn the_demo_page_is_served_if_enabled() {
    let app = TestApp::with(&["--demo-api-url", API]).await;
    for path in ["/", "/demo"] {
        let response = app.get(path).send().await.assert_status(307);
        assert_eq!(response.header("location"), Some("/demo/"));
    }
    for (path, media_type) in FILES {
        let response = app.get(path).send().await.assert_status(200);
        assert_eq!(response.header("content-type"), Some(media_type), "{path}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.header("cache-control"), Some("no-cache"));
        assert!(!response.body.is_empty());
    }
    for (pages, has_pages) in [("on", true), ("off", false)] {
        let app = TestApp::with(&["--demo-api-url", API, "--pages", pages]).await;
        let settings = app.get("/demo/settings.json").send().await.assert_status(200).json();
        let expected =
            json!({"api_url": API, "has_mail": false, "has_mailbox": false, "has_pages": has_pages});
        assert_eq!(settings, expected);
    }
    app.post("/demo/").send().await.assert_problem(405, "method_not_allowed");
}

#[actix_web::test]
async fn the_demo_page_is_not_served_unless_enabled() {
    let app = TestApp::start().await;
    let others = ["/demo", "/demo/settings.json"];
    // The pages of links use the modules of the client, too.
    let of_demo = FILES.iter().map(|(path, _)| *path).filter(|path| !path.starts_with("/client/"));
    for path in of_demo.chain(others) {
        app.get(path).send().await.assert_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn the_demo_page_may_run_no_inline_code_and_call_only_the_two_servers() {
    let app = TestApp::with(&["--demo-api-url", API]).await;
    let response = app.get("/demo/").send().await.assert_status(200);
    let policy = response.header("content-security-policy").expect("a policy");
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
    let page = response.text();
    for inline in [" style=", " onclick=", " onsubmit=", "<style", "javascript:"] {
        assert!(!page.contains(inline), "{inline} would not work under the policy");
    }
    assert!(!page.contains("http://") && !page.contains("https://"), "the page refers to another origin");
}

#[actix_web::test]
async fn a_demo_api_url_that_is_not_an_origin_prevents_startup() {
    for wrong in ["localhost:8081", "http://localhost:8081/api", "'self'; script-src *", "nonsense"] {
        let error = TestApp::launch(
            std::sync::Arc::new(test_support::TestDatabase::fresh()),
            shared_claims::testing::ManualClock::new(),
            vec!["--demo-api-url".to_owned(), wrong.to_owned()],
        )
        .await
        .err()
        .expect("a startup error");
        assert!(error.contains("DEMO_API_URL") && !error.contains('\n'), "{error}");
    }
}
