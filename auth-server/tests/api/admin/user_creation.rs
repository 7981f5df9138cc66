//! `POST /admin/users` and `DELETE /admin/users/{id}`.

use awc::http::Method;
use serde_json::{Value, json};
use test_support::Response;

use super::events::events;
use crate::app::{PASSWORD, Session, TestApp};

async fn create(app: &TestApp, by: &Session, body: &Value) -> Response {
    app.post("/admin/users").cookie(&by.refresh_token).json(body).send().await
}

async fn delete(app: &TestApp, by: &Session, id: &str) -> Response {
    app.call(Method::DELETE, &format!("/admin/users/{id}")).cookie(&by.refresh_token).send().await
}

#[actix_web::test]
async fn a_new_user_replaces_the_password_at_the_first_login() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let closed = app.another_with(&["--registration", "closed"]).await.unwrap();
    let body = json!({
        "email": " Ann@Example.org", "username": "ann", "name": "Ann", "password": PASSWORD, "roles": ["editor"],
        "claims": {"plan": "team"}, "email_verified": true,
    });
    let ann = create(&closed, &root, &body).await.assert_status(201).json();
    assert_eq!(ann, app.get_json(&root, &format!("/admin/users/{}", ann["id"].as_str().unwrap())).await);
    let shown = [
        &ann["email"],
        &ann["username"],
        &ann["name"],
        &ann["roles"],
        &ann["claims"],
        &ann["email_verified"],
    ];
    let expected = [
        &json!("ann@example.org"),
        &json!("ann"),
        &json!("Ann"),
        &json!(["editor"]),
        &json!({"plan": "team"}),
        &json!(true),
    ];
    assert_eq!(shown, expected);
    assert!(ann["last_login_at"].is_null());

    app.try_login("ann", &json!({})).await.assert_problem(403, "password_change_required");
    let new = json!({"new_password": "seven quiet maps paint an otter"});
    let session = Session::of(&app.try_login("ann", &new).await.assert_status(200));
    let recorded = events(&app, &root, &session).await;
    assert_eq!(recorded[0], ("registered".to_owned(), json!({"by": root.user_id})));
    let roles = json!({"before": [], "by": root.user_id, "roles": ["editor"]});
    assert_eq!(recorded[1], ("roles_changed".to_owned(), roles));
}

#[actix_web::test]
async fn without_a_password_none_works() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    create(&app, &root, &json!({"email": "ann@example.org"})).await.assert_status(201);
    for password in ["", PASSWORD] {
        let response = app.try_login("ann", &json!({"password": password})).await;
        assert!([401, 422].contains(&response.status), "{response:?}");
    }
    app.try_login("ann", &json!({})).await.assert_problem(401, "invalid_credentials");
    let hashes = app.database.db_texts("SELECT password_hash AS value FROM users");
    assert!(
        hashes.iter().all(|hash| hash.starts_with("$argon2id$")),
        "an empty hash would be checked faster"
    );
}

#[actix_web::test]
async fn an_invalid_or_taken_user_is_not_created() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let taken = json!({"email": "ann@example.org", "username": "ann"});
    create(&app, &root, &taken).await.assert_status(201);
    let before = app.database.db_content();
    create(&app, &root, &json!({"email": "ann@example.org"})).await.assert_problem(409, "email_taken");
    for (field, body) in [
        ("email", json!({})),
        ("email", json!({"email": "ann"})),
        ("username", json!({"email": "bob@example.org", "username": "ann"})),
        ("password", json!({"email": "bob@example.org", "password": "short"})),
        ("password", json!({"email": "bob@example.org", "password": ""})),
        ("roles", json!({"email": "bob@example.org", "roles": ["Admin"]})),
        ("claims", json!({"email": "bob@example.org", "claims": {"sub": "x"}})),
        ("disabled", json!({"email": "bob@example.org", "disabled": true})),
    ] {
        let response = create(&app, &root, &body).await.assert_problem(422, "invalid_input");
        let fields = response.json()["fields"].as_object().unwrap().clone();
        assert_eq!(fields.keys().collect::<Vec<_>>(), [field], "{body}");
    }
    assert_eq!(app.database.db_content(), before);
}

#[actix_web::test]
async fn an_administrator_deletes_other_users_only() {
    let app = TestApp::start().await;
    let root = app.db_administrator("root").await;
    let second = app.db_administrator("second").await;
    let ann = app.register("ann").await;
    delete(&app, &root, &root.user_id).await.assert_problem(409, "own_account");
    delete(&app, &root, &ann.user_id).await.assert_status(204);
    delete(&app, &root, &ann.user_id).await.assert_problem(404, "not_found");
    app.refresh(&ann.refresh_token).await.assert_ended("user_deleted");
    assert_eq!(events(&app, &root, &ann).await.last().unwrap().1, json!({"by": root.user_id}));
    delete(&app, &root, &second.user_id).await.assert_status(204);
    app.refresh(&second.refresh_token).await.assert_ended("user_deleted");
    delete(&app, &root, "nonsense").await.assert_problem(404, "not_found");
}
