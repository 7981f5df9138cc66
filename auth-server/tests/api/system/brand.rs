//! Name, logo and accent of pages.

use std::fs;

use crate::app::TestApp;

const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;

#[actix_web::test]
async fn pages_have_the_name_the_logo_and_the_accent_of_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let logo = folder.path().join("logo.svg");
    fs::write(&logo, SVG).unwrap();
    let logo = logo.to_str().unwrap();
    let look = ["--brand-name", "Example & Sons", "--brand-logo-file", logo, "--brand-accent", "#1d4ed8"];
    let app = TestApp::with(&look).await;
    let page = app.get("/login").send().await.assert_status(200).text();
    for part in
        ["<title>Sign in · Example &amp; Sons</title>", "alt=\"Example &amp; Sons\"", "pages/brand.css"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    let css = app.get("/pages/brand.css").send().await.assert_status(200);
    assert_eq!(css.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(css.text().contains("--accent: #1d4ed8;"), "{}", css.text());
    let image = app.get("/pages/brand/logo").send().await.assert_status(200);
    assert_eq!((image.header("content-type"), image.text().as_str()), (Some("image/svg+xml"), SVG));
    assert_eq!(image.header("x-content-type-options"), Some("nosniff"));
    let policy = image.header("content-security-policy");
    assert_eq!(policy, Some("sandbox; default-src 'none'; style-src 'unsafe-inline'"));
    let plain = TestApp::start().await;
    for path in ["/pages/brand.css", "/pages/brand/logo"] {
        plain.get(path).send().await.assert_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn a_look_that_cannot_be_used_prevents_startup() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (text, large) = (file("logo.txt", b"text"), file("large.svg", &vec![b' '; 100_001]));
    for (flag, value, named) in [
        ("--brand-accent", "#ffcc00", "use #"),
        ("--brand-accent", "red", "such as #0b6e5b"),
        ("--brand-name", " ", "1 to 64 characters"),
        ("--brand-logo-file", &text, "is neither SVG nor PNG"),
        ("--brand-logo-file", &large, "is larger than 100 kB"),
        ("--brand-logo-file", "/nothing.svg", "No such file"),
    ] {
        let flags = vec![flag.to_owned(), value.to_owned()];
        let database = std::sync::Arc::new(test_support::TestDatabase::fresh());
        let clock = shared_claims::testing::ManualClock::new();
        let error = TestApp::launch(database, clock, flags).await.err().expect("an error");
        assert!(error.contains(named), "{flag} {value}: {error}");
    }
}
