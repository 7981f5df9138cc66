//! What the proxies add for the browser, and how many requests they accept.

use super::proxy::Kind;
use super::site::Site;

#[actix_web::test]
async fn every_response_requires_https_in_future() {
    for kind in Kind::ALL {
        let site = Site::start(kind).await;
        let user = site.register("ann").await;
        let paths = ["/auth/me", "/login", "/login/session", "/members/", "/app/", "/app/admin/", "/nothing"];
        for path in paths {
            for call in [site.get(path), site.navigate(path), site.get(path).header("cookie", &user.cookie())]
            {
                let response = call.send().await;
                let header = response.header("strict-transport-security");
                assert_eq!(header, Some("max-age=31536000"), "{kind:?} {path} {}", response.status);
            }
        }
    }
}

#[actix_web::test]
async fn nginx_limits_the_requests_of_an_address_to_the_auth_server() {
    let site = Site::start(Kind::Nginx).await;
    let mut rejected = 0;
    for path in ["/auth/me", "/admin/users"].repeat(150) {
        let response = site.get(path).send().await;
        if response.status == 401 {
            continue;
        }
        let response = response.assert_problem(429, "too_many_requests");
        assert_eq!(response.header("retry-after"), Some("1"));
        assert_eq!(response.header("strict-transport-security"), Some("max-age=31536000"));
        rejected += 1;
    }
    assert!(rejected > 0, "300 requests were accepted");
    // Other paths have no such limit.
    site.get("/app/").send().await.assert_problem(401, "missing_token");
}
