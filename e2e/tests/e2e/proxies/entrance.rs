//! Who gets in, and what becomes of whoever does not.

use std::time::Duration;

use actix_web::rt;
use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;
use test_support::Call;

use super::proxy::Kind;
use super::site::{Person, Site};
use crate::stack::PASSWORD;

/// Two protected places, and what is in them.
const PLACES: [(&str, &str); 2] = [("/app/report?a=1&b=%2F2", "the app's\r\n"), ("/members/", "for members")];

/// Another address of this machine, which the servers do not trust as they do the proxy's.
const CLIENT: &str = "127.0.0.2";

fn client_at(address: &str) -> awc::Client {
    let connector = awc::Connector::new().local_address(address.parse().expect("an address"));
    awc::Client::builder().connector(connector).disable_redirects().finish()
}

fn with(call: Call, person: &Person) -> Call {
    call.header("cookie", &person.cookie())
}

#[actix_web::test]
async fn whoever_has_a_session_gets_in_and_the_server_behind_is_told_who_it_is() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let person = site.register("ann").await;
        for (path, content) in PLACES {
            let answer = with(site.navigate(path), &person).send().await.assert_status(200);
            assert_eq!(answer.text(), content, "{kind:?}");
        }
        let heard = site.heard_one();
        assert!(heard.line.starts_with("GET /app/report?a=1&b=%2F2 HTTP/1."), "{kind:?}: {heard:?}");
        assert_eq!((heard.one("X-User-Id"), heard.one("X-User-Roles")), (person.id.as_str(), "-"));
        assert_eq!(heard.one("X-Session-Id").len(), 36);
        assert_eq!(heard.one("X-Forwarded-For"), "127.0.0.1");

        let bearer = site
            .get("/app/")
            .header("authorization", &format!("Bearer {}", person.value("__Host-access_token")));
        bearer.send().await.assert_status(200);
        assert_eq!(site.heard_one().one("X-User-Id"), person.id);
    }
}

#[actix_web::test]
async fn a_person_without_a_session_is_led_to_the_page_and_a_program_is_told() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let bad = "__Host-access_token=bad";
        for (path, _) in PLACES {
            let by_old_browser = site.get(path).header("accept", "text/html,*/*");
            for call in [site.navigate(path), site.navigate(path).header("cookie", bad), by_old_browser] {
                let answer = call.send().await.assert_status(303);
                assert_eq!(
                    answer.header("location"),
                    Some(format!("/login/?return={path}").as_str()),
                    "{kind:?}"
                );
                assert_eq!(answer.header("cache-control"), Some("no-store"));
            }
            let programs = [
                (site.get(path), "missing_token"),
                (
                    site.get(path).header("sec-fetch-mode", "cors").header("accept", "text/html"),
                    "missing_token",
                ),
                (site.get(path).header("cookie", bad), "invalid_token"),
                (site.call(Method::POST, path).header("sec-fetch-mode", "navigate"), "missing_token"),
            ];
            for (call, code) in programs {
                let answer = call.send().await.assert_problem(401, code);
                let challenge = answer.header("www-authenticate").expect("a challenge");
                assert!(challenge.starts_with("Bearer "), "{kind:?}: {challenge}");
            }
        }
        // Whatever the answer would have been.
        for path in ["/login/session", "/members/index.html", "/app/page.html"] {
            site.get(path).send().await.assert_problem(401, "missing_token");
        }
        site.assert_heard_nothing();
    }
}

#[actix_web::test]
async fn the_page_is_there_for_everybody_and_says_whether_the_session_is_good() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        for file in ["", "?return=/app/", "login.js", "login.css", "return_target.js"] {
            let answer = site.navigate(&format!("/login/{file}")).send().await.assert_status(200);
            assert!(
                answer
                    .header("content-security-policy")
                    .is_some_and(|csp| csp.contains("frame-ancestors 'none'"))
            );
        }
        let person = site.register("ann").await;
        with(site.get("/login/session"), &person).send().await.assert_status(204);
    }
}

#[actix_web::test]
async fn an_expired_access_token_leads_to_the_page_until_the_session_is_refreshed() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let person = site.register("ann").await;
        site.stack.clock.advance(TimeDelta::minutes(16));
        with(site.navigate("/app/"), &person).send().await.assert_status(303);
        with(site.get("/app/"), &person).send().await.assert_problem(401, "token_expired");
        site.assert_heard_nothing();
        let person = person.refreshed(&site).await;
        with(site.navigate("/app/"), &person).send().await.assert_status(200);
    }
}

#[actix_web::test]
async fn after_a_logout_the_token_that_is_left_opens_nothing() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let person = site.register("ann").await;
        with(site.call(Method::POST, "/auth/logout"), &person).send().await.assert_status(204);
        let mut answer = with(site.get("/members/"), &person).send().await;
        for _ in 0..200 {
            if answer.status == 401 {
                break;
            }
            rt::time::sleep(Duration::from_millis(50)).await;
            answer = with(site.get("/members/"), &person).send().await;
        }
        answer.assert_problem(401, "session_ended");
        with(site.navigate("/members/"), &person).send().await.assert_status(303);
    }
}

#[actix_web::test]
async fn whoever_lacks_the_role_is_told_so_and_not_led_in_circles() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let person = site.register("ann").await;
        for path in ["/app/admin/", "/app/admin/page.html"] {
            let answer = with(site.get(path), &person).send().await.assert_problem(403, "role_required");
            assert!(
                answer.header("www-authenticate").is_some_and(|text| text.contains("insufficient_scope"))
            );
        }
        with(site.navigate("/app/admin/"), &person).send().await.assert_status(403);
        site.navigate("/app/admin/").send().await.assert_status(303);
        for without_slash in ["/app/admin", "/app/admin?x=1"] {
            let status = with(site.get(without_slash), &person).send().await.status;
            assert!(matches!(status, 301 | 403), "{kind:?}: {status}");
        }
        site.assert_heard_nothing();

        site.stack
            .database
            .db_execute(r#"UPDATE users SET roles = '["admin","user"]', version = version + 1"#);
        let person = person.refreshed(&site).await;
        with(site.navigate("/app/admin/"), &person).send().await.assert_status(200);
        assert_eq!(site.heard_one().one("X-User-Roles"), "admin,user");
    }
}

#[actix_web::test]
async fn what_changes_something_needs_the_csrf_token_where_the_cookie_speaks() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let person = site.register("ann").await;
        let post = || with(site.call(Method::POST, "/app/things"), &person).raw("a thing");
        let tricks = [
            post(),
            post().header("x-csrf-token", "wrong"),
            post().header("x-original-method", "GET"),
            post().header("x-forwarded-method", "GET"),
            post().header("x-http-method-override", "GET"),
            with(site.call(Method::DELETE, "/app/things"), &person),
        ];
        for call in tricks {
            call.send().await.assert_problem(403, "csrf_failed");
        }
        site.assert_heard_nothing();
        post().header("x-csrf-token", &person.csrf).send().await.assert_status(200);
        let heard = site.heard_one();
        assert!(heard.line.starts_with("POST /app/things "), "{kind:?}: {heard:?}");
        assert_eq!(heard.body, b"a thing");
        let token = person.value("__Host-access_token");
        let by_program =
            site.call(Method::POST, "/app/things").header("authorization", &format!("Bearer {token}"));
        by_program.raw("a thing").send().await.assert_status(200);
        assert_eq!(site.heard_one().body, b"a thing");
    }
}

#[actix_web::test]
async fn while_nobody_can_say_who_is_calling_nobody_gets_in() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let person = site.register("ann").await;
        let Site { api, url, upstream, .. } = &site;
        let handle = api.handle();
        handle.stop(false).await;
        let call = Call::new(Method::GET, format!("{url}/app/")).header("cookie", &person.cookie());
        let answer = call.send().await;
        assert!([502, 503].contains(&answer.status), "{kind:?}: {}", answer.status);
        assert!(upstream.heard().is_empty());
    }
}

#[actix_web::test]
async fn the_auth_server_sees_the_clients_address_and_not_what_the_client_writes() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        site.register("ann").await;
        let body =
            json!({"email": "ann@example.org", "password": PASSWORD, "token_delivery": "both_cookies"});
        let client = client_at(CLIENT);
        let url = site.url.replace("localhost", "127.0.0.1");
        let login = Call::through(&client, Method::POST, format!("{url}/auth/login"))
            .header("origin", &site.url)
            .header("x-forwarded-for", "192.0.2.1")
            .header("forwarded", "for=192.0.2.2")
            .header("x-real-ip", "192.0.2.3")
            .header("x-request-id", "chosen-by-the-client");
        let answer = login.json(&body).send().await.assert_status(200);
        assert_ne!(answer.header("x-request-id"), Some("chosen-by-the-client"), "{kind:?}");
        let addresses = site
            .stack
            .database
            .db_text("SELECT COUNT(*) || ' ' || MIN(ip) || ' ' || MAX(ip) AS value FROM sessions");
        assert_eq!(addresses, format!("2 127.0.0.1 {CLIENT}"), "{kind:?}");

        let person = site.register("bob").await;
        let call = Call::through(&client, Method::GET, format!("{url}/app/"));
        let call = call.header("x-forwarded-for", "192.0.2.1").header("forwarded", "for=192.0.2.2");
        with(call, &person).send().await.assert_status(200);
        let heard = site.heard_one();
        let forwarded = heard.all("Forwarded");
        assert_eq!((heard.one("X-Forwarded-For"), forwarded.len()), (CLIENT, 0), "{kind:?}: {forwarded:?}");
    }
}
