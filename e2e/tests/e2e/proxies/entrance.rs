//! Which requests get access, and the response to the others.

use std::time::Duration;

use actix_web::rt;
use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;
use test_support::Call;

use super::proxy::Kind;
use super::site::{Site, User};
use crate::stack::PASSWORD;

/// Two protected paths and their content.
const PATHS: [(&str, &str); 2] = [("/app/report?a=1&b=%2F2", "the app's\r\n"), ("/members/", "for members")];

/// Another address of this machine, which the servers do not trust.
const CLIENT: &str = "127.0.0.2";

fn client_at(address: &str) -> awc::Client {
    let connector = awc::Connector::new().local_address(address.parse().expect("an address"));
    awc::Client::builder().connector(connector).disable_redirects().finish()
}

fn is_sign_in(path: &str) -> bool {
    ["/login", "/register", "/invitation", "/setup"].iter().any(|page| path.starts_with(page))
}

fn with(call: Call, user: &User) -> Call {
    call.header("cookie", &user.cookie())
}

#[actix_web::test]
async fn a_user_with_a_session_gets_access_and_the_server_receives_the_identity() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let user = site.register("ann").await;
        for (path, content) in PATHS {
            let response = with(site.navigate(path), &user).send().await.assert_status(200);
            assert_eq!(response.text(), content, "{kind:?}");
        }
        let received = site.received_one();
        assert!(received.line.starts_with("GET /app/report?a=1&b=%2F2 HTTP/1."), "{kind:?}: {received:?}");
        assert_eq!((received.one("X-User-Id"), received.one("X-User-Roles")), (user.id.as_str(), "-"));
        assert_eq!(received.one("X-Session-Id").len(), 36);
        assert_eq!(received.one("X-Forwarded-For"), "127.0.0.1");

        let bearer = site
            .get("/app/")
            .header("authorization", &format!("Bearer {}", user.value("__Host-access_token")));
        bearer.send().await.assert_status(200);
        let received = site.received_one();
        assert_eq!(received.one("X-User-Id"), user.id);
        assert!(received.all("Authorization").is_empty(), "{kind:?}: {received:?}");
    }
}

#[actix_web::test]
async fn a_browser_without_a_session_is_redirected_and_a_program_gets_401() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let bad = "__Host-access_token=bad";
        for (path, _) in PATHS {
            let by_old_browser = site.get(path).header("accept", "text/html,*/*");
            for call in [site.navigate(path), site.navigate(path).header("cookie", bad), by_old_browser] {
                let response = call.send().await.assert_status(303);
                assert_eq!(
                    response.header("location"),
                    Some(format!("/login?return_path={path}").as_str()),
                    "{kind:?}"
                );
                assert_eq!(response.header("cache-control"), Some("no-store"));
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
                let response = call.send().await.assert_problem(401, code);
                let challenge = response.header("www-authenticate").expect("a challenge");
                assert!(challenge.starts_with("Bearer "), "{kind:?}: {challenge}");
            }
        }
        // Paths with other content types too.
        for path in ["/login/session", "/members/index.html", "/app/page.html"] {
            site.get(path).send().await.assert_problem(401, "missing_token");
        }
        site.assert_received_nothing();
    }
}

#[actix_web::test]
async fn the_login_page_is_public_and_reports_whether_the_session_is_valid() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let pages = ["/login", "/login?return_path=/app/", "/register", "/invitation"];
        let pages = pages.into_iter().chain(["/account", "/setup", "/admin/"]);
        let files = ["/pages/pages.css", "/pages/sign_in/login.js", "/client/auth.js", "/docs/base.css"];
        for path in pages.chain(files) {
            let response = site.navigate(path).send().await.assert_status(200);
            let sets_delivery = response.text().contains("data-token-delivery=\"both_cookies\"");
            assert_eq!(sets_delivery, is_sign_in(path), "{kind:?} {path}");
            assert!(
                response
                    .header("content-security-policy")
                    .is_some_and(|csp| csp.contains("frame-ancestors 'none'"))
            );
        }
        let to_console = site.navigate("/admin").send().await;
        let target = to_console.header("location").map(|target| target.trim_start_matches('/'));
        assert_eq!(target, Some("admin/"), "{kind:?} {}", to_console.status);
        let user = site.register("ann").await;
        with(site.get("/login/session"), &user).send().await.assert_status(204);
        with(site.get("/admin/users"), &user).send().await.assert_problem(403, "role_required");
    }
}

#[actix_web::test]
async fn an_expired_access_token_leads_to_the_login_page_until_a_refresh() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let user = site.register("ann").await;
        site.stack.clock.advance(TimeDelta::minutes(16));
        with(site.navigate("/app/"), &user).send().await.assert_status(303);
        with(site.get("/app/"), &user).send().await.assert_problem(401, "token_expired");
        site.assert_received_nothing();
        let user = user.refreshed(&site).await;
        with(site.navigate("/app/"), &user).send().await.assert_status(200);
    }
}

#[actix_web::test]
async fn after_a_logout_the_old_token_gives_no_access() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let user = site.register("ann").await;
        with(site.call(Method::POST, "/auth/logout"), &user).send().await.assert_status(204);
        let mut response = with(site.get("/members/"), &user).send().await;
        for _ in 0..200 {
            if response.status == 401 {
                break;
            }
            rt::time::sleep(Duration::from_millis(50)).await;
            response = with(site.get("/members/"), &user).send().await;
        }
        response.assert_problem(401, "session_ended");
        with(site.navigate("/members/"), &user).send().await.assert_status(303);
    }
}

#[actix_web::test]
async fn a_user_without_the_role_gets_403_and_no_redirect() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let user = site.register("ann").await;
        for path in ["/app/admin/", "/app/admin/page.html"] {
            let response = with(site.get(path), &user).send().await.assert_problem(403, "role_required");
            assert!(
                response.header("www-authenticate").is_some_and(|text| text.contains("insufficient_scope"))
            );
        }
        with(site.navigate("/app/admin/"), &user).send().await.assert_status(403);
        site.navigate("/app/admin/").send().await.assert_status(303);
        for without_slash in ["/app/admin", "/app/admin?x=1"] {
            let status = with(site.get(without_slash), &user).send().await.status;
            assert!(matches!(status, 301 | 403), "{kind:?}: {status}");
        }
        site.assert_received_nothing();

        site.stack
            .database
            .db_execute(r#"UPDATE users SET roles = '["admin","user"]', version = version + 1"#);
        let user = user.refreshed(&site).await;
        with(site.navigate("/app/admin/"), &user).send().await.assert_status(200);
        assert_eq!(site.received_one().one("X-User-Roles"), "admin,user");
    }
}

#[actix_web::test]
async fn unsafe_methods_require_the_csrf_token_if_the_token_is_in_a_cookie() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let user = site.register("ann").await;
        let post = || with(site.call(Method::POST, "/app/things"), &user).raw("a thing");
        let tricks = [
            post(),
            post().header("x-csrf-token", "wrong"),
            post().header("x-original-method", "GET"),
            post().header("x-forwarded-method", "GET"),
            post().header("x-http-method-override", "GET"),
            with(site.call(Method::DELETE, "/app/things"), &user),
        ];
        for call in tricks {
            call.send().await.assert_problem(403, "csrf_failed");
        }
        site.assert_received_nothing();
        post().header("x-csrf-token", &user.csrf).send().await.assert_status(200);
        let received = site.received_one();
        assert!(received.line.starts_with("POST /app/things "), "{kind:?}: {received:?}");
        assert_eq!(received.body, b"a thing");
        let token = user.value("__Host-access_token");
        let by_program =
            site.call(Method::POST, "/app/things").header("authorization", &format!("Bearer {token}"));
        by_program.raw("a thing").send().await.assert_status(200);
        assert_eq!(site.received_one().body, b"a thing");
    }
}

#[actix_web::test]
async fn without_the_resource_server_no_request_gets_access() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let user = site.register("ann").await;
        let Site { api, url, upstream, .. } = &site;
        let handle = api.handle();
        handle.stop(false).await;
        let call = Call::new(Method::GET, format!("{url}/app/")).header("cookie", &user.cookie());
        let response = call.send().await;
        assert!([502, 503].contains(&response.status), "{kind:?}: {}", response.status);
        assert!(upstream.received().is_empty());
    }
}

#[actix_web::test]
async fn the_auth_server_uses_the_address_of_the_client_and_not_its_headers() {
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
        let response = login.json(&body).send().await.assert_status(200);
        assert_ne!(response.header("x-request-id"), Some("chosen-by-the-client"), "{kind:?}");
        let addresses = site
            .stack
            .database
            .db_text("SELECT COUNT(*) || ' ' || MIN(ip) || ' ' || MAX(ip) AS value FROM sessions");
        assert_eq!(addresses, format!("2 127.0.0.1 {CLIENT}"), "{kind:?}");

        let user = site.register("bob").await;
        let call = Call::through(&client, Method::GET, format!("{url}/app/"));
        let call = call.header("x-forwarded-for", "192.0.2.1").header("forwarded", "for=192.0.2.2");
        with(call, &user).send().await.assert_status(200);
        let received = site.received_one();
        let forwarded = received.all("Forwarded");
        assert_eq!(
            (received.one("X-Forwarded-For"), forwarded.len()),
            (CLIENT, 0),
            "{kind:?}: {forwarded:?}"
        );
    }
}
