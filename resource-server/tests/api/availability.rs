//! Outages of the auth server: tokens stay valid.

use std::sync::Arc;

use chrono::TimeDelta;
use resource_server::{ResourceServer, Settings};
use serde_json::json;
use shared_claims::testing::{ManualClock, SigningKey};
use shared_claims::{AccessClaims, Algorithm};

use crate::api::Api;
use crate::issuer::Issuer;

#[actix_web::test]
async fn a_server_started_before_its_issuer_is_unavailable_and_then_ready() {
    let clock = ManualClock::new();
    let mut api = Api::started(Issuer::not_started(&clock), clock, &[]);
    let token = api.issuer.token();

    for path in ["/readyz", "/protected", "/greeting"] {
        let response = api.get_with(path, &token).await;
        response.assert_problem(503, "unavailable");
        assert_eq!(response.header("retry-after"), Some("1"), "{path}");
        assert_eq!(response.header("www-authenticate"), None, "the token is not to blame");
    }
    assert_eq!(api.get("/healthz", &[]).await.status, 200);
    assert_eq!(api.get("/greeting", &[]).await.status, 200);
    api.get("/protected", &[]).await.assert_problem(401, "missing_token");

    api.issuer.start();
    api.becomes_ready().await;
    api.get_with("/protected", &token).await.assert_personal();
}

/// Otherwise a server restarted during an outage would accept the tokens of sessions that ended long ago.
#[actix_web::test]
async fn a_server_whose_feed_has_not_responded_yet_is_unavailable_and_then_ready() {
    let secret = "Yk8vN2x1cUZ0M3pKZ0h4U0RwVm1CcldhTGVJb1R5";
    let feed = ["--revocation-feed-token", "feed-token-of-the-tests-0123456789abcdef"];
    let clock = ManualClock::new();
    // With HS256 the server has its key from the start.
    let flags = [&["--jwt-access-secret", secret], &feed[..]].concat();
    let mut api = Api::started(Issuer::not_started(&clock), clock, &flags);
    let token = SigningKey::from_secret(secret.as_bytes()).access_token(&api.issuer.claims());

    for path in ["/readyz", "/protected", "/greeting", "/verify"] {
        let response = api.get_with(path, &token).await;
        response.assert_problem(503, "unavailable");
        assert_eq!(response.header("retry-after"), Some("1"), "{path}");
        let detail = response.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains("revocation"), "{path}: {detail}");
    }
    assert_eq!(api.get("/healthz", &[]).await.status, 200);
    api.get_with("/protected", "nonsense").await.assert_problem(401, "invalid_token");

    api.issuer.start();
    api.becomes_ready().await;
    api.get_with("/protected", &token).await.assert_personal();
}

#[actix_web::test]
async fn readiness_reports_the_age_of_the_keys_and_the_last_error() {
    let mut api = Api::ready().await;
    let fresh = json!({"status": "ready", "keys": {"count": 1, "age_seconds": 0, "last_error": null}});
    assert_eq!(api.get("/readyz", &[]).await.json(), fresh);

    api.issuer.stop().await;
    api.clock.advance(TimeDelta::minutes(7));
    let stranger = SigningKey::generate(Algorithm::Es256).access_token(&api.issuer.claims());
    api.get_with("/protected", &stranger).await.assert_problem(401, "invalid_token");
    let stale = json!({
        "status": "ready",
        "keys": {"count": 1, "age_seconds": 420, "last_error": "the server cannot be reached"},
    });
    assert_eq!(api.get("/readyz", &[]).await.json(), stale);
}

#[actix_web::test]
async fn tokens_stay_valid_after_the_issuer_stopped() {
    let mut api = Api::ready().await;
    api.issuer.stop().await;
    api.clock.advance(TimeDelta::days(30));
    api.get_with("/protected", &api.issuer.token()).await.assert_personal();
    assert_eq!(api.get("/readyz", &[]).await.status, 200);
}

#[actix_web::test]
async fn the_key_set_url_can_be_set() {
    let clock = ManualClock::new();
    let issuer = Issuer::started(&clock);
    let jwks_url = format!("{}/keys", issuer.url);
    let api = Api::started(issuer, clock, &["--jwks-url", &jwks_url]);
    api.becomes_ready().await;
    api.get_with("/protected", &api.issuer.token()).await.assert_personal();
}

#[actix_web::test]
async fn with_a_shared_secret_only_hs256_is_accepted() {
    let secret = "Yk8vN2x1cUZ0M3pKZ0h4U0RwVm1CcldhTGVJb1R5";
    let clock = ManualClock::new();
    let api = Api::started(Issuer::not_started(&clock), clock, &["--jwt-access-secret", secret]);
    let claims = api.issuer.claims();
    let token = SigningKey::from_secret(secret.as_bytes()).access_token(&claims);
    api.get_with("/protected", &token).await.assert_personal();
    let expected = json!({"status": "ready", "keys": {"count": 1, "age_seconds": null, "last_error": null}});
    assert_eq!(api.get("/readyz", &[]).await.json(), expected);

    let es256 = api.issuer.key.access_token(&claims);
    api.get_with("/protected", &es256).await.assert_problem(401, "invalid_token");
    let other = SigningKey::generate(Algorithm::Hs256).access_token(&claims);
    api.get_with("/protected", &other).await.assert_problem(401, "invalid_token");
}

#[actix_web::test]
async fn another_audience_can_be_set() {
    let api = Api::ready_with(&["--audience", "mail"]).await;
    api.get_with("/protected", &api.issuer.token()).await.assert_problem(401, "invalid_token");
    let claims = AccessClaims { aud: shared_claims::Audience::One("mail".to_owned()), ..api.issuer.claims() };
    api.get_with("/protected", &api.issuer.key.access_token(&claims)).await.assert_personal();
}

#[actix_web::test]
async fn a_port_in_use_stops_the_start_with_one_line() {
    let api = Api::ready().await;
    let taken = api.url.trim_start_matches("http://");
    let settings = Settings::from_flags(["resource-server", "--bind-addr", taken]).expect("settings");
    let Err(line) = ResourceServer::build(&settings, Arc::new(ManualClock::new())) else {
        panic!("two servers on one port");
    };
    assert!(
        line.starts_with(&format!("BIND_ADDR: cannot listen on {taken}")) && !line.contains('\n'),
        "{line}"
    );
}
