//! Each route, to each kind of caller.

use awc::http::Method;
use chrono::TimeDelta;
use serde_json::json;
use shared_claims::{AccessClaims, Clock};

use crate::api::Api;

#[actix_web::test]
async fn protected_greets_whoever_has_a_valid_token() {
    let api = Api::ready().await;
    let answer = api.get_with("/protected", &api.issuer.token_with_roles(&["user"])).await;
    answer.assert_personal();
    let claims = api.issuer.claims();
    assert_eq!(answer.json(), json!({"message": "Hello Ada", "user_id": claims.sub, "roles": ["user"]}));
}

#[actix_web::test]
async fn profile_shows_the_claims_and_the_custom_ones_beside_them() {
    let api = Api::ready().await;
    let mut claims = api.issuer.claims();
    claims.custom.insert("plan".to_owned(), json!({"seats": 3}));
    claims.csrf = Some("not for display".to_owned());
    let answer = api.get_with("/profile", &api.issuer.key.access_token(&claims)).await;
    answer.assert_personal();
    assert_eq!(
        answer.json(),
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
            "plan": {"seats": 3},
        })
    );
}

#[actix_web::test]
async fn admin_is_for_administrators() {
    let api = Api::ready().await;
    let admin = api.get_with("/admin", &api.issuer.token_with_roles(&["user", "admin"])).await;
    admin.assert_personal();
    assert_eq!(admin.json()["roles"], json!(["user", "admin"]));
    for roles in [&[][..], &["user"], &["Admin"], &["administrator"]] {
        let answer = api.get_with("/admin", &api.issuer.token_with_roles(roles)).await;
        answer.assert_refused(403, "role_required", "insufficient_scope");
    }
}

#[actix_web::test]
async fn transfer_wants_a_login_of_the_last_five_minutes() {
    let api = Api::ready().await;
    let token = api.issuer.token();
    api.clock.advance(TimeDelta::seconds(300));
    let answer = api.post_with("/transfer", &token).await;
    answer.assert_personal();
    assert_eq!(answer.json(), json!({"message": "Transfer accepted", "user_id": api.issuer.claims().sub}));

    api.clock.advance(TimeDelta::seconds(1));
    let answer = api.post_with("/transfer", &token).await;
    answer.assert_refused(403, "fresh_login_required", "insufficient_user_authentication");
    assert_eq!(answer.json()["max_age"], json!(300));
    assert!(answer.header("www-authenticate").expect("a challenge").ends_with(r#"max_age="300""#));
    api.get_with("/protected", &token).await.assert_personal();

    let renewed = AccessClaims { auth_time: api.clock.now().timestamp() - 301, ..api.issuer.claims() };
    let answer = api.post_with("/transfer", &api.issuer.key.access_token(&renewed)).await;
    answer.assert_problem(403, "fresh_login_required");
}

#[actix_web::test]
async fn greeting_is_for_everybody_but_a_bad_token_is_refused() {
    let api = Api::ready().await;
    let stranger = api.get("/greeting", &[]).await;
    stranger.assert_personal();
    assert_eq!(stranger.json(), json!({"message": "Hello stranger"}));
    let ada = api.get_with("/greeting", &api.issuer.token()).await;
    ada.assert_personal();
    assert_eq!(ada.json(), json!({"message": "Hello Ada"}));
    api.get_with("/greeting", "bad").await.assert_refused(401, "invalid_token", "invalid_token");
    let token = api.issuer.token();
    api.clock.advance(TimeDelta::minutes(16));
    api.get_with("/greeting", &token).await.assert_refused(401, "token_expired", "invalid_token");
}

#[actix_web::test]
async fn health_needs_no_token_and_is_not_cached() {
    let api = Api::ready().await;
    for (path, status) in [("/healthz", "alive"), ("/readyz", "ready")] {
        let answer = api.get(path, &[("authorization", "Bearer bad")]).await;
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!(status)));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
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
