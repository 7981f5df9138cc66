use futures_util::future::join_all;
use serde_json::json;

use crate::app::{PASSWORD, TestApp};

#[actix_web::test]
async fn a_registration_creates_a_user_and_a_session() {
    let app = TestApp::start().await;
    let user = json!({"email": " Ann@Example.ORG ", "password": PASSWORD, "name": "Ann", "username": "ann"});
    let response = app.post("/auth/register").json(&user).send().await.assert_status(201);
    let user = &response.json()["user"];
    assert_eq!(
        (&user["email"], &user["name"], &user["username"]),
        (&json!("ann@example.org"), &json!("Ann"), &json!("ann"))
    );
    app.refresh(&response.refresh_cookie().unwrap()).await.assert_status(200);
}

#[actix_web::test]
async fn an_email_address_can_be_registered_once() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let user = json!({"email": "ANN@example.org", "password": PASSWORD});
    app.post("/auth/register").json(&user).send().await.assert_problem(409, "email_taken");
}

#[actix_web::test]
async fn a_mailbox_is_one_user_however_its_address_is_written() {
    let app = TestApp::start().await;
    let forms = [
        "ann@münchen.example",
        "ANN@MÜNCHEN\u{3002}example",
        "ann@xn--mnchen-3ya.example",
        "ａｎｎ@münchen.example",
    ];
    let mut created = 0;
    for email in forms {
        let user = json!({"email": email, "password": PASSWORD});
        let response = app.post("/auth/register").json(&user).send().await;
        created += usize::from(response.status == 201);
        let response = app.post("/auth/login").json(&user).send().await.assert_status(200);
        assert_eq!(response.json()["user"]["email"], "ann@xn--mnchen-3ya.example", "{email}");
    }
    assert_eq!(created, 1);
}

#[actix_web::test]
async fn invisible_characters_are_rejected_in_addresses_and_names() {
    let app = TestApp::start().await;
    for invisible in ["\u{200b}", "\u{ad}", "\u{2060}", "\u{feff}", "\u{202e}"] {
        for (field, value) in [
            ("email", format!("a{invisible}nn@example.org")),
            ("email", format!("ann@exa{invisible}mple.org")),
            ("name", format!("A{invisible}nn")),
            ("name", invisible.to_owned()),
        ] {
            let mut user = json!({"email": "ann@example.org", "password": PASSWORD});
            user[field] = value.into();
            let response = app.post("/auth/register").json(&user).send().await;
            let response = response.assert_problem(422, "invalid_input");
            assert!(response.json()["fields"][field].is_string(), "{user}");
        }
    }
}

#[actix_web::test]
async fn an_address_that_was_stored_in_another_form_can_log_in_after_a_restart() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.register("ann").await.user_id, app.register("bob").await.user_id);
    for (id, stored) in [(&ann, "ann@münchen.example"), (&bob, "ａｎｎ@xn--mnchen-3ya.example")] {
        app.database.db_execute(&format!("UPDATE users SET email = '{stored}' WHERE id = '{id}'"));
    }
    let app = app.restart().await;
    let user = json!({"email": "ann@münchen.example", "password": PASSWORD});
    let response = app.post("/auth/login").json(&user).send().await.assert_status(200);
    assert_eq!(response.json()["user"]["id"], json!(ann));
    // The address of the other user would collide, so it stays.
    let others = app.database.db_texts(&format!("SELECT email AS value FROM users WHERE id = '{bob}'"));
    assert_eq!(others, ["ａｎｎ@xn--mnchen-3ya.example"]);
}

#[actix_web::test]
async fn a_username_can_be_registered_once() {
    let app = TestApp::start().await;
    let user = |email: &str| json!({"email": email, "password": PASSWORD, "username": "ann"});
    app.post("/auth/register").json(&user("a@example.org")).send().await.assert_status(201);
    let response = app.post("/auth/register").json(&user("b@example.org")).send().await;
    assert!(response.assert_problem(422, "invalid_input").json()["fields"]["username"].is_string());
}

#[actix_web::test]
async fn one_of_eight_concurrent_registrations_of_one_address_succeeds() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    let responses = join_all((0..8).map(|_| app.post("/auth/register").json(&user).send())).await;
    let mut statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(app.database.db_texts("SELECT id AS value FROM sessions").len(), 1);
}

#[actix_web::test]
async fn registration_can_be_closed() {
    let app = TestApp::with(&["--registration", "closed"]).await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    app.post("/auth/register").json(&user).send().await.assert_problem(403, "registration_closed");
}

#[actix_web::test]
async fn a_registration_reports_all_invalid_fields_together() {
    let app = TestApp::start().await;
    let long = "n".repeat(65);
    let user =
        json!({"email": "ann", "username": "a b", "name": long, "token_delivery": "pigeon", "nickname": 1});
    let response = app.post("/auth/register").json(&user).send().await.assert_problem(422, "invalid_input");
    assert!(response.json()["fields"]["nickname"].is_string());

    let user = json!({"email": "ann", "username": "a b", "name": long, "token_delivery": "pigeon"});
    let response = app.post("/auth/register").json(&user).send().await.assert_problem(422, "invalid_input");
    let fields = response.json()["fields"].clone();
    for member in ["email", "password", "username", "name", "token_delivery"] {
        assert!(fields[member].is_string(), "{member}: {fields}");
    }
}
