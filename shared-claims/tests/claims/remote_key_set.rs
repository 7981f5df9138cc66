//! Keys fetched from another server, which may be late, gone, or an enemy.

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
use crate::issuer::{Answer, Issuer, document, eventually, free_listener};

const MOMENT: Duration = Duration::from_millis(10);
const HOUR: Duration = Duration::from_secs(3600);

/// Fetches once at the start, retries quickly without keys, and otherwise waits to be asked.
fn patient(clock: &ManualClock) -> RemoteKeySetOptions {
    RemoteKeySetOptions {
        refresh_interval: HOUR,
        outage_retry_interval: MOMENT,
        retry_interval: HOUR,
        timeout: Duration::from_millis(500),
        clock: Arc::new(clock.clone()),
        ..RemoteKeySetOptions::default()
    }
}

/// Fetches all the time.
fn eager(clock: &ManualClock) -> RemoteKeySetOptions {
    RemoteKeySetOptions { refresh_interval: MOMENT, retry_interval: MOMENT, ..patient(clock) }
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
async fn keys_are_found_by_the_issuers_metadata() {
    let (clock, key) = (ManualClock::new(), SigningKey::generate(Algorithm::Es256));
    let issuer = Issuer::publishing(&[&key]);
    let keys = RemoteKeySet::spawn(JwksSource::Issuer(issuer.url()), patient(&clock));
    fetched(&keys).await;
    let status = keys.status();
    assert_eq!((status.keys, status.fetched_at, status.last_error), (1, Some(clock.now()), None));
    assert_eq!(outcome(&validator(keys, &clock), &token_of(&key, &clock)).await, Ok(()));
}

#[actix_web::test]
async fn a_server_started_before_its_issuer_becomes_ready_with_it() {
    let (clock, key) = (ManualClock::new(), SigningKey::generate(Algorithm::Es256));
    let listener = free_listener();
    let address = listener.local_addr().expect("an address");
    drop(listener);

    let keys = RemoteKeySet::spawn(JwksSource::Issuer(format!("http://{address}")), patient(&clock));
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
async fn tokens_stay_valid_when_the_issuer_is_gone_for_good() {
    let (clock, key) = (ManualClock::new(), SigningKey::generate(Algorithm::Es256));
    let issuer = Issuer::publishing(&[&key]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), eager(&clock));
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
async fn a_bad_answer_never_replaces_good_keys() {
    let (clock, key) = (ManualClock::new(), SigningKey::generate(Algorithm::EdDsa));
    let issuer = Issuer::publishing(&[&key]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), eager(&clock));
    fetched(&keys).await;

    let many: Vec<_> = (0..65).map(|_| SigningKey::generate(Algorithm::EdDsa)).collect();
    let elsewhere = Issuer::publishing(&[&SigningKey::generate(Algorithm::Es256)]);
    let padded = format!("{}{}", " ".repeat(256 * 1024), testing::jwk_set(&[&many[0]]));
    for (answer, sentence) in [
        (document(&many.iter().collect::<Vec<_>>()), "the document holds more than 64 keys"),
        (Answer::Document("{\"keys\":[".to_owned()), "the document is not a JWK Set"),
        (Answer::Document("<html>".to_owned()), "the document is not a JWK Set"),
        (Answer::Document(String::new()), "the document is not a JWK Set"),
        (Answer::Document("{\"keys\":[]}".to_owned()), "none of the keys is usable"),
        (
            Answer::Document("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}".to_owned()),
            "none of the keys is usable",
        ),
        (Answer::Document(padded), "the answer is larger than 256 KiB"),
        (Answer::Endless(8 * 1024 * 1024), "the answer is larger than 256 KiB"),
        (Answer::Status(500), "the server answered with status 500"),
        (Answer::Status(404), "the server answered with status 404"),
        (Answer::RedirectTo(elsewhere.jwks_url()), "the server answered with status 302"),
        (Answer::Stalled, "the server did not answer in time"),
        (Answer::Silent, "the server did not answer in time"),
    ] {
        issuer.answer_with(answer);
        eventually(sentence, || keys.status().last_error.as_deref() == Some(sentence)).await;
        let kept = keys.current().expect("the good keys");
        assert_eq!(kept.kids().collect::<Vec<_>>(), [key.kid()], "after: {sentence}");
    }
    assert_eq!(elsewhere.fetches(), 0, "a redirect is not followed");

    issuer.publish(&[&many[0]]);
    eventually("recovery", || keys.status().last_error.is_none()).await;
    let replaced = keys.current().expect("keys");
    assert_eq!(replaced.kids().collect::<Vec<_>>(), [many[0].kid()], "a key withdrawn is trusted no more");
}

#[actix_web::test]
async fn whoever_answers_with_nonsense_is_not_asked_for_more_of_it() {
    let (clock, key) = (ManualClock::new(), SigningKey::generate(Algorithm::Es256));
    for answer in [
        Answer::Document("<html>".to_owned()),
        Answer::Document("{\"keys\":[]}".to_owned()),
        Answer::Endless(8 * 1024 * 1024),
        Answer::Status(404),
        Answer::RedirectTo("http://127.0.0.1:9/".to_owned()),
    ] {
        let issuer = Issuer::start(answer);
        let keys = RemoteKeySet::spawn(jwks_of(&issuer), patient(&clock));
        eventually("a failed fetch", || keys.status().last_error.is_some()).await;
        // A hundred times as long as it waits for one that does not answer.
        actix_web::rt::time::sleep(100 * MOMENT).await;
        assert_eq!(issuer.fetches(), 1);
        // Tokens with other invented names do not change that within ten seconds, but for the one look that they may cause.
        let validator = validator(keys, &clock);
        for _ in 0..10 {
            let stranger = token_of(&key, &clock);
            assert_eq!(outcome(&validator, &stranger).await, Err(TokenError::NoKeys));
        }
        assert!(issuer.fetches() <= 2);
    }
}

#[actix_web::test]
async fn metadata_of_another_issuer_or_with_a_strange_address_are_not_used() {
    let clock = ManualClock::new();
    let issuer = Issuer::publishing(&[&SigningKey::generate(Algorithm::Es256)]);
    let keys = |source: &str| RemoteKeySet::spawn(JwksSource::Issuer(source.to_owned()), patient(&clock));
    let fails = async |keys: RemoteKeySet, sentence: &str| {
        eventually(sentence, || keys.status().last_error.as_deref() == Some(sentence)).await;
        assert!(keys.current().is_none());
    };
    let wrong_issuer = "the metadata are those of another issuer";
    fails(keys(&format!("{}/", issuer.url())), wrong_issuer).await;
    fails(keys("not a URL"), "the issuer is not an http or https URL").await;
    fails(keys("file:///etc/passwd"), "the issuer is not an http or https URL").await;

    issuer.set_metadata("jwks_uri", json!("file:///etc/passwd"));
    fails(keys(&issuer.url()), "the metadata name a jwks_uri that is not to be used: https is needed").await;
    issuer.set_metadata("jwks_uri", Value::Null);
    fails(keys(&issuer.url()), "the metadata are not RFC 8414 JSON with issuer and jwks_uri").await;
    issuer.set_metadata("issuer", json!("http://evil.example"));
    issuer.set_metadata("jwks_uri", json!(issuer.jwks_url()));
    fails(keys(&issuer.url()), wrong_issuer).await;
    assert_eq!(issuer.fetches(), 0);
}

#[actix_web::test]
async fn a_server_that_does_not_prove_itself_over_https_is_not_believed() {
    let clock = ManualClock::new();
    let issuer = Issuer::publishing(&[&SigningKey::generate(Algorithm::Es256)]);
    let url = issuer.jwks_url().replace("http://", "https://");
    let keys = RemoteKeySet::spawn(JwksSource::JwksUrl(url.parse().expect("a URL")), patient(&clock));
    eventually("a failed fetch", || keys.status().last_error.is_some()).await;
    assert_eq!(keys.status().last_error.as_deref(), Some("the server cannot be reached"));
    assert_eq!((keys.current().is_none(), issuer.fetches()), (true, 0));
}

#[actix_web::test]
async fn a_new_key_is_found_at_its_first_use() {
    let clock = ManualClock::new();
    let [old, new] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256));
    let issuer = Issuer::publishing(&[&old]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), patient(&clock));
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
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), patient(&clock));
    fetched(&keys).await;
    let validator = validator(keys, &clock);
    let invented: Vec<_> =
        (0..50).map(|_| token_of(&SigningKey::generate(Algorithm::EdDsa), &clock)).collect();
    let refused = async || {
        for refusal in join_all(invented.iter().map(|token| outcome(&validator, token))).await {
            assert_eq!(refusal, Err(TokenError::UnknownKey));
        }
    };

    refused().await;
    assert_eq!(issuer.fetches(), 2, "fifty at once share one look");
    clock.advance(TimeDelta::milliseconds(9_999));
    refused().await;
    assert_eq!(issuer.fetches(), 2, "no second look within ten seconds");
    clock.advance(TimeDelta::milliseconds(1));
    refused().await;
    assert_eq!(issuer.fetches(), 3, "after ten seconds one more");
    clock.advance(-TimeDelta::days(1));
    refused().await;
    assert_eq!(issuer.fetches(), 4, "a clock set back does not stop it");
}

#[actix_web::test]
async fn a_token_that_is_wrong_otherwise_causes_no_fetch() {
    let clock = ManualClock::new();
    let key = SigningKey::generate(Algorithm::Es256);
    let issuer = Issuer::publishing(&[&key]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), patient(&clock));
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
async fn no_address_in_a_token_is_ever_called() {
    let clock = ManualClock::new();
    let [ours, theirs] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256));
    let issuer = Issuer::publishing(&[&ours]);
    let trap = Issuer::publishing(&[&theirs]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), patient(&clock));
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
async fn a_look_that_hangs_holds_nobody_longer_than_the_timeout() {
    let clock = ManualClock::new();
    let key = SigningKey::generate(Algorithm::Es256);
    let issuer = Issuer::publishing(&[&key]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), patient(&clock));
    fetched(&keys).await;
    let validator = validator(keys, &clock);
    issuer.answer_with(Answer::Silent);
    let started = std::time::Instant::now();
    let stranger = token_of(&SigningKey::generate(Algorithm::Es256), &clock);
    let known = token_of(&key, &clock);
    let (unknown, known) = tokio::join!(outcome(&validator, &stranger), outcome(&validator, &known));
    assert_eq!((unknown, known), (Err(TokenError::UnknownKey), Ok(())));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[actix_web::test]
async fn the_fetching_ends_with_the_last_handle() {
    let clock = ManualClock::new();
    let issuer = Issuer::publishing(&[&SigningKey::generate(Algorithm::Es256)]);
    let keys = RemoteKeySet::spawn(jwks_of(&issuer), eager(&clock));
    eventually("a second fetch", || issuer.fetches() > 1).await;
    drop(keys);
    // One fetch may be under way; after two rounds of standing still there is none.
    let quiet = async || {
        let before = issuer.fetches();
        actix_web::rt::time::sleep(MOMENT * 10).await;
        issuer.fetches() == before
    };
    assert!(quiet().await || quiet().await);
}
