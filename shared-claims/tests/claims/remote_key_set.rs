//! Keys of another server, which can be slow, unreachable or hostile.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared_claims::testing::{self, ManualClock, SigningKey};
use shared_claims::{
    AccessTokenValidator, Algorithm, Clock, JwksSource, RemoteKeySet, RemoteKeySetOptions, TokenError,
};

use crate::fixture::{AUDIENCE, ISSUER, validator};
use crate::issuer::{Issuer, Response, document, eventually, free_listener};

const MOMENT: Duration = Duration::from_millis(10);
const HOUR: Duration = Duration::from_secs(3600);

/// Fetches once at the start, retries quickly during an outage, and otherwise fetches only for an unknown `kid`.
fn on_demand(clock: &ManualClock) -> RemoteKeySetOptions {
    RemoteKeySetOptions {
        refresh_interval: HOUR,
        outage_retry_interval: MOMENT,
        retry_interval: HOUR,
        timeout: Duration::from_millis(500),
        clock: Arc::new(clock.clone()),
        ..RemoteKeySetOptions::default()
    }
}

/// Fetches continuously.
fn continuous(clock: &ManualClock) -> RemoteKeySetOptions {
    RemoteKeySetOptions { refresh_interval: MOMENT, retry_interval: MOMENT, ..on_demand(clock) }
}

fn jwks_of(issuer: &Issuer) -> JwksSource {
    JwksSource::JwksUrl(issuer.jwks_url().parse().expect("a URL"))
}

fn token_of(key: &SigningKey, clock: &ManualClock) -> String {
    key.access_token(&testing::access_claims(ISSUER, AUDIENCE, clock.now()))
}

async fn outcome(validator: &AccessTokenValidator, token: &str) -> Result<(), TokenError> {
    validator.validate::<Value>(token).await.map(|_| ())
}

async fn fetched(keys: &RemoteKeySet) {
    eventually("the first fetch", || keys.current().is_some()).await;
}

#[actix_web::test]
async fn keys_are_found_through_the_metadata_of_the_issuer() {
    let (clock, key) = (ManualClock::new(), SigningKey::generate(Algorithm::Es256));
    let issuer = Issuer::publishing(&[&key]);
    let keys = RemoteKeySet::spawn(JwksSource::Issuer(issuer.url()), on_demand(&clock));
    fetched(&keys).await;
    let status = keys.status();
    assert_eq!((status.keys, status.fetched_at, status.last_error), (1, Some(clock.now()), None));
    assert_eq!(outcome(&validator(keys, &clock), &token_of(&key, &clock)).await, Ok(()));
}

#[actix_web::test]
async fn keys_arrive_when_the_issuer_starts_later() {
    let (clock, key) = (ManualClock::new(), SigningKey::generate(Algorithm::Es256));
    let listener = free_listener();
    let address = listener.local_addr().expect("an address");
    drop(listener);

    let keys = RemoteKeySet::spawn(JwksSource::Issuer(format!("http://{address}")), on_demand(&clock));
    let validator = validator(keys.clone(), &clock);
    eventually("a failed fetch", || keys.status().last_error.is_some()).await;
    assert_eq!(keys.status().last_error.as_deref(), Some("the server cannot be reached"));
    assert_eq!(keys.status().fetched_at, None);
    assert_eq!(outcome(&validator, &token_of(&key, &clock)).await, Err(TokenError::NoKeys));

    let listener = std::net::TcpListener::bind(address).expect("the same port");
    let _issuer = Issuer::start_at(listener, document(&[&key]));
    fetched(&keys).await;
    assert_eq!(keys.status().last_error, None);
    assert_eq!(outcome(&validator, &token_of(&key, &clock)).await, Ok(()));
}

#[actix_web::test]
async fn tokens_stay_valid_while_the_issuer_is_down() {
    let (clock, key) = (ManualClock::new(), SigningKey::generate(Algorithm::Es256));
    let issuer = Issuer::publishing(&[&key]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), continuous(&clock));
    fetched(&keys).await;
    let fetched_at = keys.status().fetched_at;
    let validator = validator(keys.clone(), &clock);

    issuer.stop().await;
    eventually("a failed fetch", || keys.status().last_error.is_some()).await;
    clock.advance(TimeDelta::days(365));
    assert_eq!(outcome(&validator, &token_of(&key, &clock)).await, Ok(()));
    assert_eq!(keys.status().keys, 1);
    assert!(keys.status().fetched_at >= fetched_at);
    let stranger = SigningKey::generate(Algorithm::Es256);
    assert_eq!(outcome(&validator, &token_of(&stranger, &clock)).await, Err(TokenError::UnknownKey));
}

#[actix_web::test]
async fn an_unusable_response_never_replaces_usable_keys() {
    let (clock, key) = (ManualClock::new(), SigningKey::generate(Algorithm::EdDsa));
    let issuer = Issuer::publishing(&[&key]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), continuous(&clock));
    fetched(&keys).await;

    let many: Vec<_> = (0..65).map(|_| SigningKey::generate(Algorithm::EdDsa)).collect();
    let other_server = Issuer::publishing(&[&SigningKey::generate(Algorithm::Es256)]);
    let padded = format!("{}{}", " ".repeat(256 * 1024), testing::jwk_set(&[&many[0]]));
    for (response, sentence) in [
        (document(&many.iter().collect::<Vec<_>>()), "the document has more than 64 keys"),
        (Response::Document("{\"keys\":[".to_owned()), "the document is not a JWK Set"),
        (Response::Document("<html>".to_owned()), "the document is not a JWK Set"),
        (Response::Document(String::new()), "the document is not a JWK Set"),
        (Response::Document("{\"keys\":[]}".to_owned()), "none of the keys is usable"),
        (
            Response::Document("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}".to_owned()),
            "none of the keys is usable",
        ),
        (Response::Document(padded), "the response is larger than 256 KiB"),
        (Response::Endless(8 * 1024 * 1024), "the response is larger than 256 KiB"),
        (Response::Status(500), "the server returned status 500"),
        (Response::Status(404), "the server returned status 404"),
        (Response::RedirectTo(other_server.jwks_url()), "the server returned status 302"),
        (Response::Stalled, "the server did not respond in time"),
        (Response::Silent, "the server did not respond in time"),
    ] {
        issuer.respond_with(response);
        eventually(sentence, || keys.status().last_error.as_deref() == Some(sentence)).await;
        let kept = keys.current().expect("the previous keys");
        assert_eq!(kept.kids().collect::<Vec<_>>(), [key.kid()], "after: {sentence}");
    }
    assert_eq!(other_server.fetches(), 0, "a redirect is not followed");

    issuer.publish(&[&many[0]]);
    eventually("recovery", || keys.status().last_error.is_none()).await;
    let replaced = keys.current().expect("keys");
    assert_eq!(replaced.kids().collect::<Vec<_>>(), [many[0].kid()], "a removed key is not trusted");
}

#[actix_web::test]
async fn an_unusable_response_is_not_retried_quickly() {
    let (clock, key) = (ManualClock::new(), SigningKey::generate(Algorithm::Es256));
    for response in [
        Response::Document("<html>".to_owned()),
        Response::Document("{\"keys\":[]}".to_owned()),
        Response::Endless(8 * 1024 * 1024),
        Response::Status(404),
        Response::RedirectTo("http://127.0.0.1:9/".to_owned()),
    ] {
        let issuer = Issuer::start(response);
        let keys = RemoteKeySet::spawn(jwks_of(&issuer), on_demand(&clock));
        eventually("a failed fetch", || keys.status().last_error.is_some()).await;
        // A hundred times the retry interval during an outage.
        actix_web::rt::time::sleep(100 * MOMENT).await;
        assert_eq!(issuer.fetches(), 1);
        // Tokens with invented kids cause at most one more fetch within ten seconds.
        let validator = validator(keys, &clock);
        for _ in 0..10 {
            let stranger = token_of(&key, &clock);
            assert_eq!(outcome(&validator, &stranger).await, Err(TokenError::NoKeys));
        }
        assert!(issuer.fetches() <= 2);
    }
}

#[actix_web::test]
async fn metadata_with_another_issuer_or_an_insecure_url_is_not_used() {
    let clock = ManualClock::new();
    let issuer = Issuer::publishing(&[&SigningKey::generate(Algorithm::Es256)]);
    let keys = |source: &str| RemoteKeySet::spawn(JwksSource::Issuer(source.to_owned()), on_demand(&clock));
    let fails = async |keys: RemoteKeySet, sentence: &str| {
        eventually(sentence, || keys.status().last_error.as_deref() == Some(sentence)).await;
        assert!(keys.current().is_none());
    };
    let wrong_issuer = "the metadata names another issuer";
    fails(keys(&format!("{}/", issuer.url())), wrong_issuer).await;
    fails(keys("not a URL"), "the issuer is not an http or https URL").await;
    fails(keys("file:///etc/passwd"), "the issuer is not an http or https URL").await;

    issuer.set_metadata("jwks_uri", json!("file:///etc/passwd"));
    fails(keys(&issuer.url()), "the jwks_uri in the metadata does not use https").await;
    issuer.set_metadata("jwks_uri", Value::Null);
    fails(keys(&issuer.url()), "the metadata is not RFC 8414 JSON with issuer and jwks_uri").await;
    issuer.set_metadata("issuer", json!("http://evil.example"));
    issuer.set_metadata("jwks_uri", json!(issuer.jwks_url()));
    fails(keys(&issuer.url()), wrong_issuer).await;
    assert_eq!(issuer.fetches(), 0);
}

#[actix_web::test]
async fn https_requires_a_valid_certificate() {
    let clock = ManualClock::new();
    let issuer = Issuer::publishing(&[&SigningKey::generate(Algorithm::Es256)]);
    let url = issuer.jwks_url().replace("http://", "https://");
    let keys = RemoteKeySet::spawn(JwksSource::JwksUrl(url.parse().expect("a URL")), on_demand(&clock));
    eventually("a failed fetch", || keys.status().last_error.is_some()).await;
    assert_eq!(keys.status().last_error.as_deref(), Some("the server cannot be reached"));
    assert_eq!((keys.current().is_none(), issuer.fetches()), (true, 0));
}

#[actix_web::test]
async fn a_new_key_is_fetched_at_its_first_use() {
    let clock = ManualClock::new();
    let [old, new] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256));
    let issuer = Issuer::publishing(&[&old]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), on_demand(&clock));
    fetched(&keys).await;
    let validator = validator(keys, &clock);

    issuer.publish(&[&old, &new]);
    assert_eq!(outcome(&validator, &token_of(&new, &clock)).await, Ok(()));
    assert_eq!(outcome(&validator, &token_of(&old, &clock)).await, Ok(()));
    assert_eq!(issuer.fetches(), 2);
}

#[actix_web::test]
async fn invented_kids_cause_one_fetch_in_ten_seconds() {
    let clock = ManualClock::new();
    let issuer = Issuer::publishing(&[&SigningKey::generate(Algorithm::Es256)]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), on_demand(&clock));
    fetched(&keys).await;
    let validator = validator(keys, &clock);
    let invented: Vec<_> =
        (0..50).map(|_| token_of(&SigningKey::generate(Algorithm::EdDsa), &clock)).collect();
    let rejected = async || {
        for result in join_all(invented.iter().map(|token| outcome(&validator, token))).await {
            assert_eq!(result, Err(TokenError::UnknownKey));
        }
    };

    rejected().await;
    assert_eq!(issuer.fetches(), 2, "fifty concurrent requests share one fetch");
    clock.advance(TimeDelta::milliseconds(9_999));
    rejected().await;
    assert_eq!(issuer.fetches(), 2, "no second fetch within ten seconds");
    clock.advance(TimeDelta::milliseconds(1));
    rejected().await;
    assert_eq!(issuer.fetches(), 3, "one more after ten seconds");
    clock.advance(-TimeDelta::days(1));
    rejected().await;
    assert_eq!(issuer.fetches(), 4, "a clock that is set back does not block fetches");
}

#[actix_web::test]
async fn a_token_with_another_error_causes_no_fetch() {
    let clock = ManualClock::new();
    let key = SigningKey::generate(Algorithm::Es256);
    let issuer = Issuer::publishing(&[&key]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), on_demand(&clock));
    fetched(&keys).await;
    let validator = validator(keys, &clock);
    let claims = testing::access_claims(ISSUER, AUDIENCE, clock.now());
    let stranger = SigningKey::generate(Algorithm::Es256);
    let untyped = stranger.sign(&json!({"alg": "ES256", "kid": stranger.kid()}), &claims);
    let symmetric = SigningKey::generate(Algorithm::Hs256).access_token(&claims);
    let cut_off = &stranger.access_token(&claims)[..100];

    assert_eq!(outcome(&validator, &untyped).await, Err(TokenError::WrongTyp));
    assert_eq!(outcome(&validator, &symmetric).await, Err(TokenError::AlgorithmNotAllowed));
    assert_eq!(outcome(&validator, "garbage").await, Err(TokenError::NotCompact));
    assert!(outcome(&validator, cut_off).await.is_err());
    assert_eq!(issuer.fetches(), 1);
}

#[actix_web::test]
async fn no_url_in_a_token_is_fetched() {
    let clock = ManualClock::new();
    let [ours, theirs] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256));
    let issuer = Issuer::publishing(&[&ours]);
    let trap = Issuer::publishing(&[&theirs]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), on_demand(&clock));
    fetched(&keys).await;
    let validator = validator(keys, &clock);
    for member in ["jku", "x5u", "iss", "jwks_uri"] {
        let mut header = theirs.access_header();
        header[member] = json!(trap.jwks_url());
        let mut claims = json!(testing::access_claims(ISSUER, AUDIENCE, clock.now()));
        claims["iss"] = json!(trap.url());
        let token = theirs.sign(&header, &claims);
        assert_eq!(outcome(&validator, &token).await, Err(TokenError::UnknownKey), "{member}");
        clock.advance(TimeDelta::seconds(10));
    }
    assert_eq!(trap.fetches(), 0, "RFC 8725 §3.10");
}

#[actix_web::test]
async fn a_fetch_that_hangs_ends_at_the_timeout() {
    let clock = ManualClock::new();
    let key = SigningKey::generate(Algorithm::Es256);
    let issuer = Issuer::publishing(&[&key]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), on_demand(&clock));
    fetched(&keys).await;
    let validator = validator(keys, &clock);
    issuer.respond_with(Response::Silent);
    let started = std::time::Instant::now();
    let stranger = token_of(&SigningKey::generate(Algorithm::Es256), &clock);
    let known = token_of(&key, &clock);
    let (unknown, known) = tokio::join!(outcome(&validator, &stranger), outcome(&validator, &known));
    assert_eq!((unknown, known), (Err(TokenError::UnknownKey), Ok(())));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[actix_web::test]
async fn fetching_stops_when_the_last_handle_is_dropped() {
    let clock = ManualClock::new();
    let issuer = Issuer::publishing(&[&SigningKey::generate(Algorithm::Es256)]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), continuous(&clock));
    eventually("a second fetch", || issuer.fetches() > 1).await;
    drop(keys);
    // One fetch can still be in progress, so the second period must be quiet.
    let quiet = async || {
        let before = issuer.fetches();
        actix_web::rt::time::sleep(MOMENT * 10).await;
        issuer.fetches() == before
    };
    assert!(quiet().await || quiet().await);
}
