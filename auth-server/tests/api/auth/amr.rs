//! How the user logged in, for as long as the session lasts. The tests of each login check what it claims.

use serde_json::json;

use crate::app::{Session, TestApp, claims};

const CODES: &str = r#"["pwd","otp","mfa"]"#;

/// The tests of the step-up show that tokens keep what they say.
#[actix_web::test]
async fn a_row_does_not_make_a_token_stronger() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    app.database.db_execute(&format!("UPDATE sessions SET amr = '{CODES}'"));
    let renewed = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    let token = claims(&renewed.access_token);
    assert_eq!((&token["amr"], &token["acr"]), (&json!(["pwd"]), &json!("1fa")));
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
}
