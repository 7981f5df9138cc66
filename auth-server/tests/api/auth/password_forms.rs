//! The same password from keyboards that send `ä` as one character (NFC) and from those that send two (NFD).

use serde_json::json;

use crate::app::{Session, TestApp};

const NFC: &str = "K\u{e4}sekuchen mit Sahne";
const NFD: &str = "Ka\u{308}sekuchen mit Sahne";
/// Of `NFD` as it is, as Django computes it. Servers before the normalisation stored the same for argon2.
const HASH_OF_NFD: &str =
    "pbkdf2_sha256$1000$djangoSalt0123456789ab$8mtQ+CSkEauZ6goSKnVz0wWQVVrKFmsxWeCamWcEWvg=";

#[actix_web::test]
async fn both_forms_of_a_password_are_the_same_password() {
    for (registered, other) in [(NFC, NFD), (NFD, NFC)] {
        let app = TestApp::start().await;
        let user = json!({"email": "ann@example.org", "password": registered});
        app.post("/auth/register").json(&user).send().await.assert_status(201);
        app.try_login("ann", &json!({"password": registered})).await.assert_status(200);
        let login = app.try_login("ann", &json!({"password": other})).await.assert_status(200);
        let session = Session::of(&login);

        let again = json!({"password": other});
        let response =
            app.post("/auth/reauthenticate").cookie(&session.refresh_token).json(&again).send().await;
        let session = Session::of(&response.assert_status(200));

        let change = |current: &str, new: &str| {
            let passwords = json!({"current_password": current, "new_password": new});
            app.post("/auth/password").cookie(&session.refresh_token).json(&passwords).send()
        };
        let same = change(registered, other).await.assert_problem(422, "invalid_input");
        assert_eq!(same.json()["fields"]["new_password"], "must differ from the current password");
        change(other, &format!("{registered}!")).await.assert_status(200);
        app.try_login("ann", &json!({"password": format!("{other}!")})).await.assert_status(200);
    }
}

#[actix_web::test]
async fn a_hash_of_the_other_form_verifies_what_was_typed_and_is_replaced() {
    let app = TestApp::start().await;
    app.register("ann").await;
    app.database.db_execute(&format!("UPDATE users SET password_hash = '{HASH_OF_NFD}'"));

    app.try_login("ann", &json!({"password": NFC})).await.assert_problem(401, "invalid_credentials");
    app.try_login("ann", &json!({"password": format!("{NFD}!")})).await.assert_status(401);
    app.try_login("ann", &json!({"password": NFD})).await.assert_status(200);
    let stored = app.database.db_text("SELECT password_hash AS value FROM users");
    assert!(stored.starts_with("$argon2id$"), "{stored}");
    app.try_login("ann", &json!({"password": NFC})).await.assert_status(200);
}

#[actix_web::test]
async fn the_length_is_that_of_the_normalised_password() {
    let app = TestApp::start().await;
    let register = |name: &str, password: &str| {
        let user = json!({"email": format!("{name}@example.org"), "password": password});
        app.post("/auth/register").json(&user).send()
    };
    // Eight characters, sent as nine code points.
    let response = register("ann", "qX7#vT2a\u{308}").await.assert_problem(422, "invalid_input");
    assert_eq!(response.json()["fields"]["password"], "must be at least 9 characters long");
    // 128 characters, sent as 228 code points.
    let longest = format!("{}{}", "qX7#vT2pK!".repeat(3), "a\u{308}".repeat(98));
    register("bob", &longest).await.assert_status(201);
    let response = register("cyd", &format!("{longest}a\u{308}")).await.assert_problem(422, "invalid_input");
    assert_eq!(response.json()["fields"]["password"], "must be at most 128 characters long");
}
