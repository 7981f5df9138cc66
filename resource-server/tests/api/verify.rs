//! `GET /verify`, for reverse proxies.

use awc::http::Method;
use awc::http::header::SET_COOKIE;
use serde_json::json;
use shared_claims::testing::ManualClock;
use shared_claims::{AccessClaims, Acr, Clock};

use crate::api::{Api, Response};
use crate::issuer::Issuer;

const CSRF: &str = "bm90IGEgc2VjcmV0IGF0IGFsbA";
const COOKIE: &str = "__Host-access_token";

impl Api {
    async fn accepting_cookies() -> Self {
        Self::ready_with(&["--accept-cookie=true"]).await
    }

    /// Sends the token in its cookie, with these headers.
    async fn verify_by_cookie(&self, token: &str, headers: &[(&str, &str)]) -> Response {
        let cookie = format!("{COOKIE}={token}");
        self.get("/verify", &[&[("cookie", cookie.as_str())], headers].concat()).await
    }
}

impl Response {
    fn assert_authenticated(&self, roles: &str) {
        assert_eq!(self.status, 204, "{}", String::from_utf8_lossy(&self.body));
        let claims = shared_claims::testing::access_claims("", "", ManualClock::new().now());
        assert_eq!(self.header("x-user-id"), Some(claims.sub.as_str()));
        assert_eq!(self.header("x-user-roles"), Some(roles));
        assert_eq!(self.header("x-session-id"), Some(claims.sid.as_str()));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert!(self.body.is_empty() && !self.headers.contains_key(SET_COOKIE));
    }

    fn assert_rejected(&self, status: u16, code: &str) {
        self.assert_problem(status, code);
        assert_eq!(self.header("x-problem-code"), Some(code));
        for name in ["x-user-id", "x-user-roles", "x-session-id"] {
            assert_eq!(self.header(name), None, "{name}");
        }
    }
}

fn cookie_token(issuer: &Issuer) -> String {
    issuer.key.access_token(&AccessClaims { csrf: Some(CSRF.to_owned()), ..issuer.claims() })
}

#[actix_web::test]
async fn a_valid_token_is_accepted_with_all_three_headers() {
    let api = Api::ready().await;
    api.get_with("/verify", &api.issuer.token()).await.assert_authenticated("-");
    let roles = api.issuer.token_with_roles(&["user", "a-1_b"]);
    api.get_with("/verify", &roles).await.assert_authenticated("user,a-1_b");
}

#[actix_web::test]
async fn the_role_parameter_requires_roles() {
    let api = Api::ready().await;
    let admin = api.issuer.token_with_roles(&["user", "admin"]);
    for query in ["role=admin", "role=admin&role=user", "role=%61dmin", ""] {
        api.get_with(&format!("/verify?{query}"), &admin).await.assert_authenticated("user,admin");
    }
    let user = api.issuer.token_with_roles(&["user"]);
    for query in ["role=admin", "role=user&role=admin", "role=", "role=User", "role=user,admin", "role=%FF"] {
        let response = api.get_with(&format!("/verify?{query}"), &user).await;
        response.assert_rejected(403, "role_required");
        response.assert_challenged(403, "role_required", "insufficient_scope");
    }
    api.get("/verify?role=admin", &[]).await.assert_rejected(401, "missing_token");
}

#[actix_web::test]
async fn the_acr_parameter_requires_a_strong_login() {
    let api = Api::ready().await;
    let logged_in = |acr| {
        let roles = vec!["admin".to_owned()];
        api.issuer.key.access_token(&AccessClaims { acr, roles, ..api.issuer.claims() })
    };
    for (query, weakest) in [
        ("acr=1fa", Acr::OneFactor),
        ("acr=mfa", Acr::Mfa),
        ("acr=%6Dfa&role=admin", Acr::Mfa),
        ("acr=mfa&acr=1fa", Acr::Mfa),
        ("acr=phr", Acr::PhishingResistant),
    ] {
        for acr in Acr::ALL {
            let response = api.get_with(&format!("/verify?{query}"), &logged_in(*acr)).await;
            if *acr >= weakest {
                response.assert_authenticated("admin");
            } else {
                response.assert_rejected(403, "stronger_login_required");
                let challenge = response.header("www-authenticate").expect("a challenge");
                assert!(challenge.ends_with(&format!(r#"acr_values="{weakest}""#)), "{challenge}");
                assert_eq!(response.json()["acr_values"], json!([weakest]));
            }
        }
    }
}

#[actix_web::test]
async fn an_unknown_parameter_is_rejected() {
    let api = Api::ready().await;
    let roles = vec!["admin".to_owned()];
    let strongest = AccessClaims { acr: Acr::PhishingResistant, roles, ..api.issuer.claims() };
    let admin = api.issuer.key.access_token(&strongest);
    for query in [
        "roles=admin",
        "Role=admin",
        "role=admin&x",
        "admin",
        "acr",
        "acr=2fa",
        "acr=MFA",
        "acr=mfa,phr",
        "ACR=mfa",
    ] {
        let response = api.get_with(&format!("/verify?{query}"), &admin).await;
        response.assert_rejected(403, "role_required");
    }
}

#[actix_web::test]
async fn other_errors_are_401_because_proxies_convert_the_rest_to_500() {
    let api = Api::accepting_cookies().await;
    let bearer = format!("Bearer {}", api.issuer.token());
    let twice = format!("{COOKIE}=a; {COOKIE}=b");
    let plain_too = format!("{COOKIE}=a; access_token=b");
    for (code, headers) in [
        ("missing_token", vec![]),
        ("missing_token", vec![("authorization", "Basic eA==")]),
        ("invalid_token", vec![("authorization", "Bearer x")]),
        ("invalid_token", vec![("authorization", bearer.as_str()), ("authorization", bearer.as_str())]),
        ("invalid_token", vec![("cookie", twice.as_str())]),
        ("invalid_token", vec![("cookie", plain_too.as_str())]),
        ("invalid_token", vec![("cookie", "__Host-access_token=")]),
    ] {
        let response = api.get("/verify", &headers).await;
        response.assert_rejected(401, code);
        assert!(response.header("www-authenticate").is_some_and(|text| text.starts_with("Bearer ")));
    }
}

#[actix_web::test]
async fn ids_and_roles_that_are_unsafe_in_a_header_are_rejected() {
    let api = Api::ready().await;
    let claims = api.issuer.claims();
    let with = |member: &str, value: serde_json::Value| {
        let mut payload = serde_json::to_value(&claims).expect("claims");
        payload[member] = value;
        api.issuer.key.sign(&api.issuer.key.access_header(), &payload)
    };
    let upper = claims.sub.to_uppercase();
    let simple = claims.sub.replace('-', "");
    let mut bad = vec![];
    for member in ["sub", "sid"] {
        for value in ["ann", "a\r\nx-user-roles: admin", &upper, &simple] {
            bad.push(with(member, json!(value)));
        }
    }
    for role in ["user,admin", "", "Admin", "a\nb", "ä", "user admin"] {
        bad.push(with("roles", json!([role])));
    }
    for token in bad {
        api.get_with("/verify", &token).await.assert_rejected(401, "invalid_token");
    }
}

#[actix_web::test]
async fn the_original_method_decides_whether_the_cookie_requires_a_csrf_token() {
    let api = Api::accepting_cookies().await;
    let token = cookie_token(&api.issuer);
    let safe: [&[(&str, &str)]; 5] = [
        &[("x-original-method", "GET")],
        &[("x-forwarded-method", "GET")],
        &[("x-original-method", "HEAD")],
        &[("x-original-method", "OPTIONS")],
        &[("x-original-method", "GET"), ("x-forwarded-method", "GET")],
    ];
    for headers in safe {
        api.verify_by_cookie(&token, headers).await.assert_authenticated("-");
    }
    let unsafe_or_unknown: [&[(&str, &str)]; 12] = [
        &[],
        &[("x-original-method", "")],
        &[("x-original-method", "POST")],
        &[("x-forwarded-method", "DELETE")],
        &[("x-original-method", "get")],
        &[("x-original-method", "GETS")],
        &[("x-original-method", "GET, POST")],
        &[("x-original-method", "no method")],
        &[("x-original-method", "GET"), ("x-forwarded-method", "POST")],
        &[("x-original-method", "POST"), ("x-forwarded-method", "GET")],
        &[("x-original-method", "GET"), ("x-forwarded-method", "HEAD")],
        &[("x-original-method", "GET"), ("x-original-method", "POST")],
    ];
    for headers in unsafe_or_unknown {
        api.verify_by_cookie(&token, headers).await.assert_rejected(403, "csrf_failed");
        let wrong = [headers, &[("x-csrf-token", "wrong")]].concat();
        api.verify_by_cookie(&token, &wrong).await.assert_rejected(403, "csrf_failed");
        let right = [headers, &[("x-csrf-token", CSRF)]].concat();
        api.verify_by_cookie(&token, &right).await.assert_authenticated("-");
    }
    let bearer = format!("Bearer {token}");
    let posted = api.get("/verify", &[("authorization", &bearer), ("x-original-method", "POST")]).await;
    posted.assert_authenticated("-");
}

#[actix_web::test]
async fn the_cookie_is_ignored_without_the_setting() {
    let api = Api::ready().await;
    let token = cookie_token(&api.issuer);
    let response = api.verify_by_cookie(&token, &[("x-original-method", "GET")]).await;
    response.assert_rejected(401, "missing_token");
}

#[actix_web::test]
async fn head_returns_the_same_as_get() {
    let api = Api::ready().await;
    let bearer = format!("Bearer {}", api.issuer.token());
    let response = api.send(Method::HEAD, "/verify", &[("authorization", &bearer)]).await;
    response.assert_authenticated("-");
}
