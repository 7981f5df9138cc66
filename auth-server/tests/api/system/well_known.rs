use std::sync::Arc;

use serde_json::json;
use shared_claims::{AccessTokenValidator, Algorithm, KeySet};

use crate::app::{ISSUER, TestApp};

async fn accepts_its_tokens(app: &TestApp, key_set: KeySet, algorithm: Algorithm) {
    let session = app.register("ann").await;
    let validator = AccessTokenValidator::new(ISSUER, "api", key_set)
        .with_algorithms(&[algorithm])
        .with_clock(Arc::new(app.clock.clone()));
    let claims: Arc<shared_claims::AccessClaims> =
        validator.check(&session.access_token).expect("a valid token");
    assert_eq!(claims.sub, session.user_id);
    assert!(validator.check::<serde_json::Map<_, _>>(&session.refresh_token).is_err());
}

#[actix_web::test]
async fn tokens_of_every_algorithm_verify_with_the_published_key_set() {
    for (name, algorithm) in
        [("ES256", Algorithm::Es256), ("RS256", Algorithm::Rs256), ("EdDSA", Algorithm::EdDsa)]
    {
        let app = TestApp::with(&["--jwt-access-algorithm", name]).await;
        let response = app.get("/.well-known/jwks.json").send().await.assert_status(200);
        assert_eq!(response.header("cache-control"), Some("max-age=300"));
        let key = &response.json()["keys"][0];
        assert_eq!((&key["alg"], &key["use"]), (&json!(name), &json!("sig")));
        assert_eq!(json!(shared_claims::thumbprint(key)), key["kid"]);
        for private in ["d", "p", "q", "k"] {
            assert!(key.get(private).is_none());
        }
        accepts_its_tokens(&app, KeySet::parse(&response.body).unwrap(), algorithm).await;
    }
}

#[actix_web::test]
async fn a_shared_secret_is_never_published() {
    let secret = "access-secret-of-the-tests-0123456789";
    let app = TestApp::with(&["--jwt-access-algorithm", "HS256", "--jwt-access-secret", secret]).await;
    let response = app.get("/.well-known/jwks.json").send().await.assert_status(200);
    assert_eq!(response.json(), json!({"keys": []}));
    let response = app.get("/.well-known/oauth-authorization-server").send().await.assert_status(200);
    assert!(response.json().get("jwks_uri").is_none());
    accepts_its_tokens(&app, KeySet::from_secrets([secret.as_bytes()]), Algorithm::Hs256).await;
}

#[actix_web::test]
async fn both_metadata_documents_name_the_issuer_and_the_key_set() {
    let app = TestApp::start().await;
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        let response = app.get(path).send().await.assert_status(200);
        assert_eq!(response.header("cache-control"), Some("max-age=300"));
        assert_eq!(response.json()["issuer"], json!(ISSUER));
        assert_eq!(response.json()["jwks_uri"], json!(format!("{ISSUER}/.well-known/jwks.json")));
        assert_eq!(response.json()["acr_values_supported"], json!(["1fa", "mfa", "phr"]));
    }
}

#[actix_web::test]
async fn the_signing_key_survives_a_restart() {
    let app = TestApp::start().await;
    let before = app.get("/.well-known/jwks.json").send().await.body;
    let app = app.restart().await;
    assert_eq!(app.get("/.well-known/jwks.json").send().await.body, before);
}
