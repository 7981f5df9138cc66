//! Each route, for each kind of caller.

use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;
use shared_claims::{AccessClaims, Clock};

use crate::api::Api;

#[actix_web::test]
async fn protected_requires_a_valid_token() {
    let api = Api::ready().await;
    let response = api.get_with("/protected", &api.issuer.token_with_roles(&["user"])).await;
    response.assert_personal();
    let claims = api.issuer.claims();
    assert_eq!(response.json(), json!({"message": "Hello Ada", "user_id": claims.sub, "roles": ["user"]}));
}

#[actix_web::test]
async fn profile_returns_the_claims_with_custom_claims_beside_them() {
    let api = Api::ready().await;
    let mut claims = api.issuer.claims();
    claims.custom.insert("plan".to_owned(), json!({"seats": 3}));
    claims.csrf = Some("not for display".to_owned());
    let response = api.get_with("/profile", &api.issuer.key.access_token(&claims)).await;
    response.assert_personal();
    assert_eq!(
        response.json(),
        json!({
            "sub": claims.sub,
            "name": "Ada",
            "roles": [],
            "iss": api.issuer.url,
            "aud": ["api"],
            "client_id": "web",
            "sid": claims.sid,
            "iat": claims.iat,
            "exp": claims.exp,
            "auth_time": claims.auth_time,
            "amr": ["pwd"],
            "acr": "1fa",
            "plan": {"seats": 3},
        })
    );
}

#[actix_web::test]
async fn admin_requires_the_role_admin() {
    let api = Api::ready().await;
    let admin = api.get_with("/admin", &api.issuer.token_with_roles(&["user", "admin"])).await;
    admin.assert_personal();
    assert_eq!(admin.json()["roles"], json!(["user", "admin"]));
    for roles in [&[][..], &["user"], &["Admin"], &["administrator"]] {
        let response = api.get_with("/admin", &api.issuer.token_with_roles(roles)).await;
        response.assert_challenged(403, "role_required", "insufficient_scope");
    }
}

#[actix_web::test]
async fn transfer_requires_a_login_within_five_minutes() {
    let api = Api::ready().await;
    let token = api.issuer.token();
    api.clock.advance(TimeDelta::seconds(300));
    let response = api.post_with("/transfer", &token).await;
    response.assert_personal();
    assert_eq!(response.json(), json!({"message": "Transfer accepted", "user_id": api.issuer.claims().sub}));

    api.clock.advance(TimeDelta::seconds(1));
    let response = api.post_with("/transfer", &token).await;
    response.assert_challenged(403, "fresh_login_required", "insufficient_user_authentication");
    assert_eq!(response.json()["max_age"], json!(300));
    assert!(response.header("www-authenticate").expect("a challenge").ends_with(r#"max_age="300""#));
    api.get_with("/protected", &token).await.assert_personal();

    let renewed = AccessClaims { auth_time: api.clock.now().timestamp() - 301, ..api.issuer.claims() };
    let response = api.post_with("/transfer", &api.issuer.key.access_token(&renewed)).await;
    response.assert_problem(403, "fresh_login_required");
}

#[actix_web::test]
async fn greeting_requires_no_token_but_rejects_an_invalid_one() {
    let api = Api::ready().await;
    let stranger = api.get("/greeting", &[]).await;
    stranger.assert_personal();
    assert_eq!(stranger.json(), json!({"message": "Hello stranger"}));
    let ada = api.get_with("/greeting", &api.issuer.token()).await;
    ada.assert_personal();
    assert_eq!(ada.json(), json!({"message": "Hello Ada"}));
    api.get_with("/greeting", "bad").await.assert_challenged(401, "invalid_token", "invalid_token");
    let token = api.issuer.token();
    api.clock.advance(TimeDelta::minutes(16));
    api.get_with("/greeting", &token).await.assert_challenged(401, "token_expired", "invalid_token");
}

#[actix_web::test]
async fn health_requires_no_token_and_is_not_cached() {
    let api = Api::ready().await;
    for (path, status) in [("/healthz", "alive"), ("/readyz", "ready")] {
        let response = api.get(path, &[("authorization", "Bearer bad")]).await;
        assert_eq!((response.status, &response.json()["status"]), (200, &json!(status)));
        assert_eq!(response.header("cache-control"), Some("no-store"));
    }
}

#[actix_web::test]
async fn head_works_wherever_get_does() {
    let api = Api::ready().await;
    let bearer = format!("Bearer {}", api.issuer.token_with_roles(&["admin"]));
    for path in ["/protected", "/profile", "/admin", "/greeting", "/healthz", "/readyz", "/openapi.json"] {
        let headers = [("authorization", bearer.as_str())];
        let head = api.send(Method::HEAD, path, &headers).await;
        let get = api.get(path, &headers).await;
        assert_eq!((head.status, head.body.as_slice()), (200, &b""[..]), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        assert_eq!(head.header("cache-control"), get.header("cache-control"), "{path}");
    }
    assert_eq!(api.send(Method::HEAD, "/protected", &[]).await.status, 401);
}
