//! The verdict on a password that a user is typing.

use serde_json::json;

use crate::app::TestApp;

#[actix_web::test]
async fn the_verdict_is_that_of_a_registration() {
    let app = TestApp::start().await;
    for (index, (password, acceptable, code)) in [
        ("correct horse battery staple", true, None),
        ("short", false, Some("too_short")),
        ("password123", false, Some("too_guessable")),
        ("annabelle example", false, Some("too_guessable")),
        (&*"x".repeat(129), false, Some("too_long")),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("annabelle.example{index}@example.org");
        let typed = json!({"password": password, "email": email, "name": "Annabelle Example"});
        let verdict = app.post("/auth/password/strength").json(&typed).send().await.assert_status(200).json();
        assert_eq!(verdict["acceptable"], acceptable, "{password}: {verdict}");
        assert_eq!(verdict["errors"][0]["code"].as_str(), code, "{verdict}");
        assert_eq!(verdict["score"].as_u64().unwrap() >= 3, acceptable, "{verdict}");
        let registered = app.post("/auth/register").json(&typed).send().await;
        assert_eq!(registered.status == 201, acceptable, "{password}");
        let rejected = registered.json();
        assert_eq!(rejected["fields"]["password"].as_str(), verdict["errors"][0]["message"].as_str());
    }
}

#[actix_web::test]
async fn typing_is_limited_and_costs_no_attempt_to_log_in() {
    let app = TestApp::with(&["--login-rate-per-ip", "6"]).await;
    let typed = json!({"password": "short"});
    for _ in 0..4 {
        app.post("/auth/password/strength").json(&typed).send().await.assert_status(200);
    }
    let limited = app.post("/auth/password/strength").json(&typed).send().await;
    limited.assert_problem(429, "too_many_requests");
    app.register("ann").await;
    for (body, field) in [(json!({}), "password"), (json!({"password": ""}), "password")] {
        let problem =
            app.post("/auth/password/strength").json(&body).send().await.assert_problem(422, "invalid_input");
        assert!(problem.json()["fields"][field].is_string());
    }
}

#[actix_web::test]
async fn typing_is_limited_for_a_whole_network() {
    let app = TestApp::with(&["--trusted-proxies", "127.0.0.1", "--login-rate-per-ip", "2"]).await;
    let typed = json!({"password": "short"});
    let mut limited = None;
    for subnet in 0..30 {
        let call =
            app.post("/auth/password/strength").header("x-forwarded-for", &format!("2001:db8:1:{subnet}::1"));
        let response = call.json(&typed).send().await;
        if response.status != 200 {
            limited = Some((subnet, response));
            break;
        }
    }
    let (subnet, response) = limited.expect("a limit");
    response.assert_problem(429, "too_many_requests");
    assert!(subnet >= 10, "{subnet}");
    let call = app.post("/auth/password/strength").header("x-forwarded-for", "2001:db8:2::1");
    call.json(&typed).send().await.assert_status(200);
}
