//! Which cookies reach the server behind the proxy: all except Latchkey's own.

use super::proxy::Kind;
use super::site::{Site, User};

/// Cookie headers of browsers: in any order and form, and with any number of cookies that a sibling site has planted.
fn jars(user: &User) -> Vec<(String, Option<&'static str>)> {
    let ours = user.cookie();
    let access = format!("__Host-access_token={}", user.value("__Host-access_token"));
    let refresh = format!("__Host-refresh_token={}", user.value("__Host-refresh_token"));
    let device = format!("__Host-device={}", user.value("__Host-device"));
    vec![
        (ours.clone(), None),
        (format!("theme=dark; {ours}; lang=en"), Some("theme=dark")),
        (format!("lang=en;{refresh};{access};{device};theme=dark"), Some("theme=dark")),
        (format!("{access}; theme=dark; {refresh}"), Some("theme=dark")),
        (format!("a=\"; {refresh}; {access}; b=\"; theme=dark"), Some("theme=dark")),
        (
            format!("{access}; refresh_token=x; __Secure-refresh_token=y; {refresh}; theme=dark"),
            Some("theme=dark"),
        ),
        (
            format!("{access}; __host-Refresh_Token=x; {refresh}; \u{2000}{refresh}; theme=dark"),
            Some("theme=dark"),
        ),
        (format!("{access};;  ;=; x; {refresh}; theme=dark; my_refresh_token_is=mine"), Some("theme=dark")),
        (format!("{access}; {}; {refresh}; theme=dark", "x=y; ".repeat(100)), Some("theme=dark")),
        (format!("{access}; {}; {refresh}; theme=dark", "_".repeat(2000)), Some("theme=dark")),
        // More cookies than a browser sends. Passing on none is allowed here.
        (format!("{}{access}", format!("{refresh}; ").repeat(12)), None),
    ]
}

#[actix_web::test]
async fn no_token_reaches_the_server_behind_the_proxy_and_other_cookies_do() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let user = site.register("ann").await;
        for (jar, other) in jars(&user) {
            let status = site.send_raw("GET", "/app/", &format!("Cookie: {jar}\r\n\r\n")).await;
            check(&site, &user, status, &jar, other);
        }
        let split = user.cookies.join("\r\nCookie: ");
        let status =
            site.send_raw("GET", "/app/", &format!("Cookie: theme=dark\r\ncookie: {split}\r\n\r\n")).await;
        check(&site, &user, status, "one header per cookie", Some("theme=dark"));
    }
}

fn check(site: &Site, user: &User, status: Option<u16>, jar: &str, other: Option<&str>) {
    let kind = site.kind;
    assert_eq!(status, Some(200), "{kind:?}: {jar}");
    let received = site.received_one();
    assert_eq!(received.one("X-User-Id"), user.id);
    let everything = format!("{received:?}");
    for name in ["__Host-access_token", "__Host-refresh_token", "__Host-device"] {
        assert!(!everything.contains(user.value(name)), "{kind:?} passes on {name} of {jar}: {everything}");
    }
    if let Some(other) = other {
        let cookies = received.all("cookie").join(";");
        let mut pairs = cookies.split(';').map(str::trim);
        assert!(pairs.any(|pair| pair == other), "{kind:?} loses {other} of {jar}: {cookies}");
        if jar.contains("my_refresh_token_is") {
            assert!(cookies.contains("my_refresh_token_is=mine"), "{kind:?}: {cookies}");
        }
    }
}
