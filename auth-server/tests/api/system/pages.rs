//! The pages beside the API.

use actix_web::http::Uri;
use chrono::{DateTime, TimeDelta, Utc};
use shared_claims::{Clock as _, Code};

use crate::app::TestApp;

/// What a page or script loads and links to, as paths.
fn links(page: &str, text: &str, is_page: bool) -> Vec<String> {
    // Links in a script are relative to the page that loads it.
    let starts = if is_page { ["href=\"", "src=\""] } else { ["from \"", "import \""] };
    let values = starts.into_iter().flat_map(|start| text.split(start).skip(1));
    let links = values.filter_map(|rest| rest.split('"').next()).map(|link| {
        let base = url::Url::parse("http://host").and_then(|base| base.join(page)).expect("a page");
        base.join(&link.replace("&#x2f;", "/")).expect("a link")
    });
    links
        .inspect(|url| assert_eq!(url.host_str(), Some("host"), "{url}"))
        .map(|url| url.path().to_owned())
        .collect()
}

#[actix_web::test]
async fn everything_that_the_pages_load_and_link_to_is_served() {
    let app = TestApp::start().await;
    let mut seen = vec!["/".to_owned()];
    let mut next = 0;
    while let Some(path) = seen.get(next).cloned() {
        next += 1;
        let response = app.get(&path).send().await.assert_status(200);
        let media_type = response.header("content-type").expect("a type").to_owned();
        let is_page = media_type.starts_with("text/html");
        if !is_page && !media_type.starts_with("text/javascript") {
            continue;
        }
        let policy = response.header("content-security-policy").expect("a policy").to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        let text = response.text();
        assert!(
            !is_page || !text.contains("<style") && !text.contains(" style="),
            "{path} has inline styles"
        );
        seen.extend(
            links(&path, &text, is_page).into_iter().filter(|link| !seen.contains(link)).collect::<Vec<_>>(),
        );
    }
    let some =
        ["/docs", "/docs/errors", "/docs/client/session.js", "/favicon.ico", "/openapi.json", "/register"];
    for path in some.into_iter().chain(["/pages/console/live.js", "/pages/account/email.js"]) {
        assert!(seen.iter().any(|link| link == path), "{path} is not linked: {seen:?}");
    }
}

#[actix_web::test]
async fn the_type_of_each_problem_is_a_place_on_the_page_of_errors() {
    let app = TestApp::start().await;
    let problem = app.get("/nowhere").send().await.assert_problem(404, "not_found").json();
    let link: Uri = problem["type"].as_str().expect("a type").parse().expect("a reference");
    let page = app.get(link.path()).send().await.assert_status(200).text();
    for code in Code::ALL {
        let row = page.split(&format!("<tr id=\"{}\">", code.as_str())).nth(1).expect("a row");
        let cells: Vec<&str> = row.split("</tr>").next().expect("a row").split("<td>").skip(1).collect();
        assert!(cells.len() == 4 && cells.iter().all(|cell| cell.len() > "</td>".len()), "{cells:?}");
    }
    assert!(page.contains("<tr id=\"reuse_detected\">"), "{page}");
}

#[actix_web::test]
async fn the_start_page_links_to_the_pages_that_exist_and_can_be_disabled() {
    let page = TestApp::start().await.get("/").send().await.assert_status(200).text();
    assert!(page.contains(concat!("Version ", env!("CARGO_PKG_VERSION"))), "{page}");
    let without_pages =
        TestApp::with(&["--pages", "off"]).await.get("/").send().await.assert_status(200).text();
    for path in ["login", "account", "admin/"] {
        let link = format!("href=\"{path}\"");
        assert!(page.contains(&link) && !without_pages.contains(&link), "{path}: {page}{without_pages}");
    }
    let app = TestApp::with(&["--home-page", "false"]).await;
    app.get("/").send().await.assert_problem(404, "not_found");
    app.get("/docs").send().await.assert_status(200);
}

#[actix_web::test]
async fn the_sign_in_page_offers_passkeys_if_the_server_has_them() {
    for (flags, is_offered) in
        [(&[][..], true), (&["--mfa", "off"], false), (&["--issuer", "http://127.0.0.1:8080"], false)]
    {
        let page = TestApp::with(flags).await.get("/login").send().await.assert_status(200).text();
        assert_eq!(page.contains("data-passkey"), is_offered, "{flags:?}");
        assert_eq!(page.contains("autocomplete=\"username webauthn\""), is_offered, "{flags:?}");
    }
}

#[actix_web::test]
async fn browsers_and_crawlers_find_an_icon_and_stay_out() {
    let app = TestApp::start().await;
    let icon = app.get("/favicon.ico").send().await.assert_status(200);
    assert_eq!(icon.header("content-type"), Some("image/x-icon"));
    assert!(icon.body.starts_with(&[0, 0, 1, 0]), "an ICO file");
    assert_eq!(app.get("/robots.txt").send().await.text(), "User-agent: *\nDisallow: /\n");
}

#[actix_web::test]
async fn security_txt_names_the_contact_if_there_is_one() {
    TestApp::start().await.get("/.well-known/security.txt").send().await.assert_problem(404, "not_found");
    let app = TestApp::with(&["--security-contact", "mailto:security@example.org"]).await;
    let file = app.get("/.well-known/security.txt").send().await.assert_status(200);
    assert_eq!(file.header("content-type"), Some("text/plain; charset=utf-8"));
    let text = file.text();
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).expect(name).to_owned();
    assert_eq!(field("Contact: "), "mailto:security@example.org");
    assert!(field("Canonical: ").ends_with("/.well-known/security.txt"));
    let expires: DateTime<Utc> = field("Expires: ").parse().expect("a time");
    let left = expires - app.clock.now();
    assert!(TimeDelta::days(179) < left && left < TimeDelta::days(365), "{left}");
}

#[actix_web::test]
async fn password_managers_find_the_page_that_changes_the_password() {
    const PATH: &str = "/.well-known/change-password";
    TestApp::start().await.get(PATH).send().await.assert_problem(404, "not_found");
    let own = "https://app.example.org/account/password";
    for (flags, location) in [
        (["--change-password-url", own], own),
        (["--demo-api-url", "http://localhost:8081"], "/demo/#password"),
    ] {
        let response = TestApp::with(&flags).await.get(PATH).send().await.assert_status(307);
        assert_eq!(response.header("location"), Some(location));
    }
}

#[actix_web::test]
async fn wrong_addresses_of_pages_prevent_startup() {
    let app = TestApp::start().await;
    for (flag, value) in [
        ("--security-contact", "security@example.org"),
        ("--security-contact", "mailto:a@example.org\nPolicy: x"),
        ("--change-password-url", "/password"),
        ("--change-password-url", "javascript:alert(1)"),
    ] {
        let error = app.another_with(&[flag, value]).await.err().expect("a startup error");
        assert!(
            error.contains(&flag[2..].to_uppercase().replace('-', "_")) || error.contains(flag),
            "{error}"
        );
    }
}

#[actix_web::test]
async fn pages_are_rendered_in_the_language_of_the_browser() {
    let app = TestApp::start().await;
    let page = app.get("/login").header("accept-language", "de-CH").send().await.assert_status(200);
    assert!(page.text().contains("<html lang=\"de\""), "{}", page.text());
    assert_eq!(page.header("vary"), Some("accept-encoding, accept-language"));
    assert_eq!(page.header("cache-control"), Some("private, no-cache"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.ends_with("require-trusted-types-for 'script'; trusted-types 'none'"), "{policy}");
    assert!(app.get("/login?lang=en").send().await.text().contains("<html lang=\"en\""));
    for path in
        ["/pages/login.html", "/pages/texts/en.json", "/pages/../pages.js", "/pages/%2e%2e/%2e%2e/Cargo.toml"]
    {
        app.get(path).send().await.assert_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn pages_and_their_files_are_compressed_and_revalidated_but_responses_of_the_api_are_not() {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let flags = ["--demo-api-url", "http://localhost:8081", "--brand-accent", "#1d4ed8"];
    let app = TestApp::with(&flags).await;
    let get = |path: &str| app.get(path).header("accept-encoding", "gzip, br");
    for path in [
        "/login",
        "/admin/",
        "/pages/pages.css",
        "/pages/brand.css",
        "/client/auth.js",
        "/demo/",
        "/demo/demo.js",
        "/docs",
        "/docs/errors",
        "/docs/base.css",
        "/openapi.json",
    ] {
        let plain = app.get(path).send().await.assert_status(200);
        let response = get(path).send().await.assert_status(200);
        assert_eq!(response.header("content-encoding"), Some("gzip"), "{path}");
        assert!(response.header("vary").is_some_and(|vary| vary.contains("accept-encoding")), "{path}");
        assert!(response.body.starts_with(&GZIP) && response.body.len() < plain.body.len(), "{path}");
        for (call, first) in [(get(path), &response), (app.get(path), &plain)] {
            let tag = first.header("etag").expect("a tag");
            let again = call.header("if-none-match", tag).send().await.assert_status(304);
            assert_eq!((again.header("content-encoding"), again.body.len()), (None, 0), "{path}");
        }
    }
    let user = app.register("ann").await;
    for path in ["/auth/me", "/.well-known/jwks.json", "/demo/settings.json"] {
        let response = get(path).bearer(&user.access_token).send().await.assert_status(200);
        assert_eq!(response.header("content-encoding"), None, "{path}");
    }
}

#[actix_web::test]
async fn without_pages_only_those_of_links_remain() {
    let app = TestApp::with(&["--pages", "off"]).await;
    for path in ["/login", "/register", "/admin"] {
        app.get(path).send().await.assert_problem(404, "not_found");
    }
    app.get("/invitation").send().await.assert_status(200);
}

#[actix_web::test]
async fn only_a_browser_that_may_have_a_session_looks_for_one() {
    let app = TestApp::start().await;
    for (site, has_session) in [("none", false), ("same-site", false), ("cross-site", true)] {
        let page = app.get("/login").header("sec-fetch-site", site).send().await.text();
        assert_eq!(page.contains("data-has-session"), has_session, "{site}");
    }
    let user = app.register("ann").await;
    let page =
        app.get("/login").header("sec-fetch-site", "none").cookie(&user.refresh_token).send().await.text();
    assert!(page.contains("data-has-session"), "{page}");
}
