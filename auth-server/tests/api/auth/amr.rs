//! How the user logged in, for as long as the session lasts. The tests of each login check what it claims.

use serde_json::{Value, json};

use crate::app::{PASSWORD, Session, TestApp, claims};

/// As a later version stores it.
const SEVERAL: &str = r#"["pwd","otp","mfa"]"#;

fn assert_several(session: &Session) {
    let token = claims(&session.access_token);
    assert_eq!((&token["amr"], &token["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("mfa")));
}

#[actix_web::test]
async fn a_session_keeps_how_its_user_logged_in() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    app.database.db_execute(&format!("UPDATE sessions SET amr = '{SEVERAL}'"));
    let post = async |session: &Session, path: &str, body: &Value| {
        let call = app.post(path).cookie(&session.refresh_token).json(body);
        Session::of(&call.send().await.assert_status(200))
    };
    let renewed = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    assert_several(&renewed);
    let redelivered = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    assert_several(&redelivered);
    let fresh = post(&renewed, "/auth/reauthenticate", &json!({"password": PASSWORD})).await;
    assert_several(&fresh);
    let change = json!({"current_password": PASSWORD, "new_password": "another horse battery staple"});
    let changed = post(&fresh, "/auth/password", &change).await;
    assert_several(&changed);
    assert_several(&Session::of(&app.refresh(&changed.refresh_token).await.assert_status(200)));
}

/// It runs beside this version during an upgrade, and inserts sessions without the column.
#[actix_web::test]
async fn a_session_of_the_previous_version_counts_as_one_with_a_password() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    app.database.db_execute(r#"UPDATE sessions SET amr = '["email"]'"#);
    app.db_copy_session(&session, 1);
    let stored = app.database.db_texts("SELECT amr AS value FROM sessions ORDER BY amr");
    assert_eq!(stored, [r#"["email"]"#, r#"["pwd"]"#]);
    let renewed = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    assert_eq!(claims(&renewed.access_token)["amr"], json!(["email"]));
}
