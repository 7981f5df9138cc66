use chrono::TimeDelta;
use serde_json::json;

use crate::stack::{PASSWORD, Stack, access_token};

#[actix_web::test]
async fn register_call_refresh_reuse_and_log_out() {
    let stack = Stack::new();
    let (auth, api) = (stack.start_auth().await, stack.start_api());
    api.wait_until_ready().await;

    let registered = auth.register("Ann").await;
    let hello = api.get("/protected").bearer(&access_token(&registered)).send().await.assert_status(200);
    assert_eq!(hello.json()["message"], json!("Hello Ann"));
    assert_eq!(hello.json()["user_id"], registered.json()["user"]["id"]);

    stack.clock.advance(TimeDelta::minutes(16));
    api.get("/protected")
        .bearer(&access_token(&registered))
        .send()
        .await
        .assert_problem(401, "token_expired");

    let first = registered.refresh_cookie().expect("a cookie");
    let refreshed = auth.post("/auth/refresh").cookie(&first).send().await.assert_status(200);
    api.get("/protected").bearer(&access_token(&refreshed)).send().await.assert_status(200);

    stack.clock.advance(TimeDelta::seconds(11));
    auth.post("/auth/refresh").cookie(&first).send().await.assert_ended("reuse_detected");

    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    let again = auth.post("/auth/login").json(&body).send().await.assert_status(200);
    let token = again.refresh_cookie().expect("a cookie");
    auth.post("/auth/logout").cookie(&token).send().await.assert_status(204);
    auth.post("/auth/refresh").cookie(&token).send().await.assert_ended("logged_out");
}

#[actix_web::test]
async fn neither_server_accepts_the_tokens_of_the_other() {
    let stack = Stack::new();
    let (auth, api) = (stack.start_auth().await, stack.start_api());
    api.wait_until_ready().await;
    let registered = auth.register("Ann").await;
    let refresh_token = registered.refresh_cookie().expect("a cookie");

    api.get("/protected").bearer(&refresh_token).send().await.assert_problem(401, "invalid_token");
    let access = access_token(&registered);
    auth.post("/auth/refresh").cookie(&access).send().await.assert_ended("unknown");
    auth.get("/auth/sessions").bearer(&access).send().await.assert_problem(401, "invalid_token");
    auth.post("/auth/logout-all").bearer(&access).send().await.assert_problem(401, "invalid_token");
}

#[actix_web::test]
async fn roles_reach_the_resource_server_with_the_next_refresh() {
    let stack = Stack::new();
    let (auth, api) = (stack.start_auth().await, stack.start_api());
    api.wait_until_ready().await;
    let registered = auth.register("Ann").await;
    api.get("/admin").bearer(&access_token(&registered)).send().await.assert_problem(403, "role_required");

    stack.database.db_execute(r#"UPDATE users SET roles = '["admin"]', version = version + 1"#);
    let token = registered.refresh_cookie().expect("a cookie");
    let refreshed = auth.post("/auth/refresh").cookie(&token).send().await.assert_status(200);
    api.get("/admin").bearer(&access_token(&refreshed)).send().await.assert_status(200);
}

#[actix_web::test]
async fn a_transfer_requires_a_fresh_login() {
    let stack = Stack::new();
    let (auth, api) = (stack.start_auth().await, stack.start_api());
    api.wait_until_ready().await;
    let registered = auth.register("Ann").await;
    api.post("/transfer").bearer(&access_token(&registered)).send().await.assert_status(200);

    stack.clock.advance(TimeDelta::minutes(6));
    let token = registered.refresh_cookie().expect("a cookie");
    let refreshed = auth.post("/auth/refresh").cookie(&token).send().await.assert_status(200);
    let response = api.post("/transfer").bearer(&access_token(&refreshed)).send().await;
    assert_eq!(response.assert_problem(403, "fresh_login_required").json()["max_age"], json!(300));
}
