//! A stolen `JWT_REFRESH_SECRET` is not enough to forge a token: the database stores the hash of the claim `sk`.

use serde_json::json;
use shared_claims::testing::SigningKey;

use crate::app::{REFRESH_SECRET, Session, TestApp, claims};

fn forged(session: &Session) -> String {
    let key = SigningKey::from_secret(REFRESH_SECRET.as_bytes());
    let mut claims = claims(&session.refresh_token);
    claims["sk"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    key.sign(&key.refresh_header(), &claims)
}

#[actix_web::test]
async fn a_forged_session_secret_grants_nothing_and_ends_nothing() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let forged = forged(&session);

    app.refresh(&forged).await.assert_ended("unknown");
    app.me(&forged).await.assert_ended("unknown");
    app.post("/auth/logout-all").cookie(&forged).send().await.assert_ended("unknown");
    app.post("/auth/logout").cookie(&forged).send().await.assert_status(204);

    let next = Session::of(&app.refresh(&session.refresh_token).await.assert_status(200));
    assert_eq!(next.rotation, 1);
}

#[actix_web::test]
async fn a_forged_copy_of_a_spent_token_does_not_end_the_session() {
    let app = TestApp::start().await;
    let first = app.register("ann").await;
    let second = Session::of(&app.refresh(&first.refresh_token).await.assert_status(200));
    app.advance(chrono::TimeDelta::hours(1));

    app.refresh(&forged(&first)).await.assert_ended("unknown");
    app.refresh(&second.refresh_token).await.assert_status(200);
}

#[actix_web::test]
async fn control_a_copy_signed_with_the_real_session_secret_works() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let key = SigningKey::from_secret(REFRESH_SECRET.as_bytes());
    let copy = key.sign(&key.refresh_header(), &claims(&session.refresh_token));
    app.refresh(&copy).await.assert_status(200);
}
