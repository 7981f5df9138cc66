use chrono::TimeDelta;

use crate::stack::{Stack, access_token};

#[actix_web::test]
async fn a_resource_server_that_starts_first_serves_once_the_auth_server_runs() {
    let stack = Stack::new();
    let api = stack.start_api();
    api.get("/readyz").send().await.assert_problem(503, "unavailable");
    api.get("/protected").bearer("a.b.c").send().await;

    let auth = stack.start_auth().await;
    api.wait_until_ready().await;

    let registered = auth.register("Ann").await;
    api.get("/protected").bearer(&access_token(&registered)).send().await.assert_status(200);
}

#[actix_web::test]
async fn tokens_still_validate_after_the_auth_server_has_stopped() {
    let stack = Stack::new();
    let (auth, api) = (stack.start_auth().await, stack.start_api());
    api.wait_until_ready().await;
    let registered = auth.register("Ann").await;
    auth.stop().await;

    for _ in 0..3 {
        stack.clock.advance(TimeDelta::minutes(4));
        api.get("/protected").bearer(&access_token(&registered)).send().await.assert_status(200);
        api.get("/readyz").send().await.assert_status(200);
    }
    stack.clock.advance(TimeDelta::minutes(4));
    api.get("/protected")
        .bearer(&access_token(&registered))
        .send()
        .await
        .assert_problem(401, "token_expired");
}

#[actix_web::test]
async fn sessions_survive_a_restart_of_the_auth_server() {
    let stack = Stack::new();
    let (auth, api) = (stack.start_auth().await, stack.start_api());
    api.wait_until_ready().await;
    let registered = auth.register("Ann").await;
    auth.stop().await;

    let auth = stack.start_auth().await;
    let token = registered.refresh_cookie().expect("a cookie");
    let refreshed = auth.post("/auth/refresh").cookie(&token).send().await.assert_status(200);
    api.get("/protected").bearer(&access_token(&refreshed)).send().await.assert_status(200);
}
