use futures_util::future::join_all;
use serde_json::json;

use crate::app::{PASSWORD, TestApp};

#[actix_web::test]
async fn a_person_registers_and_is_logged_in() {
    let app = TestApp::start().await;
    let person =
        json!({"email": " Ann@Example.ORG ", "password": PASSWORD, "name": "Ann", "username": "ann"});
    let answer = app.post("/auth/register").json(&person).send().await.assert_status(201);
    let user = &answer.json()["user"];
    assert_eq!(
        (&user["email"], &user["name"], &user["username"]),
        (&json!("ann@example.org"), &json!("Ann"), &json!("ann"))
    );
    app.refresh(&answer.refresh_cookie().unwrap()).await.assert_status(200);
}

#[actix_web::test]
async fn an_address_can_be_registered_once() {
    let app = TestApp::start().await;
    app.register("ann").await;
    let person = json!({"email": "ANN@example.org", "password": PASSWORD});
    app.post("/auth/register").json(&person).send().await.assert_problem(409, "email_taken");
}

#[actix_web::test]
async fn a_username_can_be_registered_once() {
    let app = TestApp::start().await;
    let person = |email: &str| json!({"email": email, "password": PASSWORD, "username": "ann"});
    app.post("/auth/register").json(&person("a@example.org")).send().await.assert_status(201);
    let answer = app.post("/auth/register").json(&person("b@example.org")).send().await;
    assert!(answer.assert_problem(422, "invalid_input").json()["fields"]["username"].is_string());
}

#[actix_web::test]
async fn of_eight_who_register_one_address_at_once_one_succeeds() {
    let app = TestApp::with(&["--workers", "2"]).await;
    let person = json!({"email": "ann@example.org", "password": PASSWORD});
    let answers = join_all((0..8).map(|_| app.post("/auth/register").json(&person).send())).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(app.database.db_texts("SELECT id AS value FROM sessions").len(), 1);
}

#[actix_web::test]
async fn registration_can_be_closed() {
    let app = TestApp::with(&["--registration", "closed"]).await;
    let person = json!({"email": "ann@example.org", "password": PASSWORD});
    app.post("/auth/register").json(&person).send().await.assert_problem(403, "registration_closed");
}

#[actix_web::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let app = TestApp::start().await;
    let long = "n".repeat(65);
    let person =
        json!({"email": "ann", "username": "a b", "name": long, "token_delivery": "pigeon", "nickname": 1});
    let answer = app.post("/auth/register").json(&person).send().await.assert_problem(422, "invalid_input");
    assert!(answer.json()["fields"]["nickname"].is_string());

    let person = json!({"email": "ann", "username": "a b", "name": long, "token_delivery": "pigeon"});
    let answer = app.post("/auth/register").json(&person).send().await.assert_problem(422, "invalid_input");
    let fields = answer.json()["fields"].clone();
    for member in ["email", "password", "username", "name", "token_delivery"] {
        assert!(fields[member].is_string(), "{member}: {fields}");
    }
}
