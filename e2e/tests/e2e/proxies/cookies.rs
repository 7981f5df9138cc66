//! Which cookies reach the server behind the proxy: all but those that prove something to us.

use super::proxy::Kind;
use super::site::{Person, Site};

/// Whatever else a browser sends: in what order, of what form, and however many a sibling site has planted.
fn jars(person: &Person) -> Vec<(String, Option<&'static str>)> {
    let ours = person.cookie();
    let access = format!("__Host-access_token={}", person.value("__Host-access_token"));
    let refresh = format!("__Host-refresh_token={}", person.value("__Host-refresh_token"));
    let device = format!("__Host-device={}", person.value("__Host-device"));
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
        // More than there can be: no cookie at all is right, too.
        (format!("{}{access}", format!("{refresh}; ").repeat(12)), None),
    ]
}

#[actix_web::test]
async fn no_token_of_ours_reaches_the_server_behind_and_other_cookies_do() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let person = site.register("ann").await;
        for (jar, other) in jars(&person) {
            let status = site.send_raw("GET", "/app/", &format!("Cookie: {jar}\r\n\r\n")).await;
            check(&site, &person, status, &jar, other);
        }
        let split = person.cookies.join("\r\nCookie: ");
        let status =
            site.send_raw("GET", "/app/", &format!("Cookie: theme=dark\r\ncookie: {split}\r\n\r\n")).await;
        check(&site, &person, status, "a header for each", Some("theme=dark"));
    }
}

fn check(site: &Site, person: &Person, status: Option<u16>, jar: &str, other: Option<&str>) {
    let kind = site.kind;
    assert_eq!(status, Some(200), "{kind:?}: {jar}");
    let heard = site.heard_one();
    assert_eq!(heard.one("X-User-Id"), person.id);
    let everything = format!("{heard:?}");
    for name in ["__Host-access_token", "__Host-refresh_token", "__Host-device"] {
        assert!(!everything.contains(person.value(name)), "{kind:?} passes on {name} of {jar}: {everything}");
    }
    if let Some(other) = other {
        let cookies = heard.all("cookie").join(";");
        let mut pairs = cookies.split(';').map(str::trim);
        assert!(pairs.any(|pair| pair == other), "{kind:?} loses {other} of {jar}: {cookies}");
        if jar.contains("my_refresh_token_is") {
            assert!(cookies.contains("my_refresh_token_is=mine"), "{kind:?}: {cookies}");
        }
    }
}
