//! Signing keys rotate automatically, and tokens stay valid meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::sleep;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::Value;

use crate::app::{KEY_SECRET, TestApp, claims, header};
use crate::cli::keys::keys_with;
use test_support::TestDatabase;

const OLD_SECRET: &str = "the-old-key-secret-of-the-tests-01234567";
const NEW_SECRET: &str = "the-new-key-secret-of-the-tests-01234567";

/// The key ids in the published set, oldest first.
async fn published(app: &TestApp) -> Vec<String> {
    let set = app.get("/.well-known/jwks.json").send().await.assert_status(200).json();
    let keys = set["keys"].as_array().expect("keys");
    keys.iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

/// Waits until the published set fulfills the condition. Servers check the moved clock every second.
async fn published_eventually(app: &TestApp, condition: impl Fn(&[String]) -> bool) -> Vec<String> {
    for _ in 0..200 {
        let keys = published(app).await;
        if condition(&keys) {
            return keys;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the published set is still {:?}", published(app).await);
}

/// The id of the key that signs the server's tokens. Asserts that the server accepts its own token.
async fn signer(app: &TestApp, name: &str) -> String {
    let token = app.log_in(name).await.access_token;
    app.get("/auth/me").bearer(&token).send().await.assert_status(200);
    kid(&token)
}

fn kid(token: &str) -> String {
    header(token)["kid"].as_str().expect("a kid").to_owned()
}

async fn wait_until_signed_by(app: &TestApp, name: &str, expected: &str) {
    for _ in 0..200 {
        if signer(app, name).await == expected {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("{expected} does not sign");
}

/// Waits until another key signs, and returns its id.
async fn signer_after(app: &TestApp, name: &str, before: &str) -> String {
    for _ in 0..200 {
        let login = app.try_login(name, &serde_json::json!({})).await;
        if login.status == 200 {
            let now = kid(login.json()["access_token"].as_str().expect("a token"));
            if now != before {
                return now;
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("{before} still signs");
}

#[actix_web::test]
async fn a_key_is_published_before_it_signs_and_until_its_last_token_expires() {
    let app = TestApp::with(&["--signing-key-rotation", "3h", "--access-token-ttl", "5m"]).await;
    app.register("ann").await;
    let first = published(&app).await;
    assert_eq!(first.len(), 1);

    app.advance(TimeDelta::minutes(2 * 60 + 45));
    let both = published_eventually(&app, |keys| keys.len() == 2).await;
    assert_eq!(both[0], first[0]);
    app.advance(TimeDelta::minutes(14));
    assert_eq!(signer(&app, "ann").await, both[0], "the new key is not published long enough");

    app.advance(TimeDelta::minutes(1));
    wait_until_signed_by(&app, "ann", &both[1]).await;
    app.advance(TimeDelta::minutes(4));
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(published(&app).await, both, "a token of the old key may still be valid");
    app.advance(TimeDelta::minutes(65));
    assert_eq!(published_eventually(&app, |keys| keys.len() == 1).await, both[1..]);
}

#[actix_web::test]
async fn eight_servers_that_rotate_concurrently_create_one_key() {
    let app = TestApp::with(&["--signing-key-rotation", "1h"]).await;
    app.advance(TimeDelta::minutes(50));
    let (database, clock) = (Arc::clone(&app.database), app.clock.clone());
    let starting: Vec<_> = (0..8)
        .map(|_| {
            let (database, clock) = (Arc::clone(&database), clock.clone());
            let flags = vec!["--signing-key-rotation".to_owned(), "1h".to_owned()];
            std::thread::spawn(move || {
                actix_web::rt::System::new().block_on(async move {
                    let app = TestApp::launch(database, clock, flags).await.expect("a server");
                    let keys = published(&app).await;
                    app.stop().await;
                    keys
                })
            })
        })
        .collect();
    let sets: BTreeSet<Vec<String>> =
        starting.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    assert_eq!(sets.len(), 1, "{sets:?}");
    assert_eq!(sets.first().map(Vec::len), Some(2));
    assert_eq!(count(&database), "2");
}

#[actix_web::test]
async fn after_an_algorithm_change_the_old_key_signs_until_the_new_one_is_known() {
    let old = TestApp::start().await;
    old.register("ann").await;
    let first = published(&old).await;
    let new = old.another_with(&["--jwt-access-algorithm", "EdDSA"]).await.expect("a server");
    let both = published(&new).await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert_eq!(signer(&new, "ann").await, both[0]);

    old.advance(TimeDelta::minutes(15));
    wait_until_signed_by(&new, "ann", &both[1]).await;
    assert_eq!(signer(&old, "ann").await, both[0]);
    let tokens = [old.log_in("ann").await.access_token, new.log_in("ann").await.access_token];
    for (token, app) in tokens.iter().flat_map(|token| [(token, &old), (token, &new)]) {
        assert_eq!(published_eventually(app, |keys| keys.len() == 2).await, both);
        app.get("/auth/me").bearer(token).send().await.assert_status(200);
    }
    // Switching back and forth creates no more than one key per algorithm.
    for algorithm in ["ES256", "EdDSA", "ES256"] {
        let again = old.another_with(&["--jwt-access-algorithm", algorithm]).await.expect("a server");
        assert_eq!(published(&again).await, both);
        again.stop().await;
    }
}

#[actix_web::test]
async fn a_retired_key_leaves_the_set_immediately_and_another_signs() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let before = published(&app).await;
    let now = "'2030-01-01 00:00:00'";
    app.database.db_execute(&format!("UPDATE signing_keys SET retired_at = {now}"));
    app.advance(TimeDelta::seconds(10));
    let after = published_eventually(&app, |keys| keys != before).await;
    assert_eq!(after.len(), 1);
    app.get("/auth/me").bearer(&session.access_token).send().await.assert_problem(401, "invalid_token");
    assert_eq!(signer(&app, "ann").await, after[0]);
    let refreshed = app.refresh(&session.refresh_token).await.assert_status(200);
    assert_eq!(kid(refreshed.json()["access_token"].as_str().expect("a token")), after[0]);
}

#[actix_web::test]
async fn the_key_encryption_secret_can_be_changed_one_server_at_a_time() {
    let old = TestApp::with(&["--key-encryption-secret", OLD_SECRET, "--signing-key-rotation", "1h"]).await;
    old.register("ann").await;
    let during = ["--key-encryption-secret", NEW_SECRET, "--key-encryption-secret-previous", OLD_SECRET];
    let rotation = ["--signing-key-rotation", "1h"];
    let new = old.another_with(&[during, [rotation[0], rotation[1], "--workers", "1"]].concat()).await;
    let new = new.expect("a server that decrypts keys with the previous secret");
    assert_eq!(published(&new).await, published(&old).await);

    // Whichever server creates the next key, both sign with a key that they can decrypt.
    old.advance(TimeDelta::minutes(61));
    let keys = published_eventually(&new, |keys| keys.len() == 2).await;
    old.advance(TimeDelta::minutes(16));
    for app in [&old, &new] {
        assert!(keys.contains(&signer(app, "ann").await));
    }

    let alone =
        old.another_with(&["--key-encryption-secret", "a-third-key-secret-of-the-tests-0123456"]).await;
    let error = alone.err().expect("a startup error");
    assert!(error.starts_with("KEY_ENCRYPTION_SECRET ") && error.lines().count() == 1, "{error}");
    assert_eq!(count(&old.database), "2", "no other key was created");
}

/// The secret was changed in the wrong order: keys were re-encrypted while a server had only the old secret.
#[actix_web::test]
async fn a_server_that_cannot_decrypt_the_keys_signs_until_its_own_is_retired() {
    let app = TestApp::with(&["--key-encryption-secret", OLD_SECRET]).await;
    let session = app.register("ann").await;
    let key = published(&app).await.remove(0);
    let both = [("KEY_ENCRYPTION_SECRET", NEW_SECRET), ("KEY_ENCRYPTION_SECRET_PREVIOUS", OLD_SECRET)];
    assert_eq!(keys_with(&app.database, &["rewrap", "--json"], &both).json()["rewrapped"], 1);
    for _ in 0..3 {
        app.advance(TimeDelta::minutes(30));
        sleep(Duration::from_millis(1500)).await;
        assert_eq!(signer(&app, "ann").await, key);
    }

    assert_eq!(keys_with(&app.database, &["retire", &key, "--json"], &[]).json()["retired"], key.as_str());
    app.advance(TimeDelta::seconds(10));
    // The server creates another key and encrypts it with its own secret.
    let next = published_eventually(&app, |keys| !keys.contains(&key)).await;
    assert_eq!(signer_after(&app, "ann", &key).await, next[0]);
    app.get("/auth/me").bearer(&session.access_token).send().await.assert_problem(401, "invalid_token");
}

#[actix_web::test]
async fn a_server_without_a_key_is_not_ready_and_signs_nothing() {
    let app = TestApp::start().await;
    let session = app.register("ann").await;
    let key = published(&app).await.remove(0);
    assert_eq!(
        keys_with(&app.database, &["rotate", "--json"], &[("KEY_ENCRYPTION_SECRET", KEY_SECRET)]).json()["algorithm"],
        "ES256"
    );
    app.database.db_execute("UPDATE signing_keys SET encryption_key_id = 'another'");
    assert_eq!(keys_with(&app.database, &["retire", &key, "--json"], &[]).json()["retired"], key.as_str());
    app.advance(TimeDelta::seconds(10));
    published_eventually(&app, |keys| !keys.contains(&key)).await;
    let ready = app.get("/readyz").send().await.assert_problem(503, "unavailable");
    assert!(ready.json()["fields"]["signing_key"].is_string());
    let rejected = app.refresh_with_key(&session.refresh_token, "a-key-of-twenty-two-characters").await;
    assert!(rejected.assert_problem(503, "unavailable").set_cookie().is_none());

    // The same request succeeds as soon as there is a key again.
    app.database.db_execute(
        "UPDATE signing_keys SET encryption_key_id = 'another', retired_at = '2030-01-01 00:00:00'",
    );
    app.advance(TimeDelta::seconds(10));
    published_eventually(&app, |keys| !keys.is_empty() && !keys.contains(&key)).await;
    app.get("/readyz").send().await.assert_status(200);
    app.refresh_with_key(&session.refresh_token, "a-key-of-twenty-two-characters").await.assert_status(200);
}

#[actix_web::test]
async fn a_damaged_key_is_skipped_and_the_previous_one_keeps_signing() {
    let app = TestApp::with(&["--signing-key-rotation", "3h", "--access-token-ttl", "5m"]).await;
    app.register("ann").await;
    app.advance(TimeDelta::minutes(2 * 60 + 45));
    let both = published_eventually(&app, |keys| keys.len() == 2).await;
    app.database
        .db_execute(&format!("UPDATE signing_keys SET public_jwk = '{{}}' WHERE kid = '{}'", both[1]));
    for _ in 0..5 {
        app.advance(TimeDelta::minutes(30));
        sleep(Duration::from_millis(1500)).await;
        assert_eq!(signer(&app, "ann").await, both[0]);
    }
    assert_eq!(published(&app).await, both[..1]);
    let again = app.another().await;
    assert_eq!(signer(&again, "ann").await, both[0], "a server that starts now skips it too");
}

/// A server of the previous version runs beside this one and keeps signing with the key from its startup.
#[actix_web::test]
async fn a_key_of_the_previous_version_is_kept_for_a_day() {
    let before = TestApp::start().await;
    let old = published(&before).await.remove(0);
    let (database, clock) = (Arc::clone(&before.database), before.clock.clone());
    before.stop().await;
    database.db_execute("UPDATE signing_keys SET active_from = '1970-01-01 00:00:00', needed_until = NULL");
    let app = TestApp::launch(database, clock, Vec::new()).await.expect("a server");
    app.register("ann").await;
    let both = published(&app).await;
    assert_eq!((both.len(), &both[0]), (2, &old), "its rotation is overdue");
    app.advance(TimeDelta::minutes(16));
    wait_until_signed_by(&app, "ann", &both[1]).await;
    for _ in 0..4 {
        app.advance(TimeDelta::hours(5));
        sleep(Duration::from_millis(1500)).await;
        assert_eq!(published(&app).await, both);
    }
    app.advance(TimeDelta::hours(5));
    assert_eq!(published_eventually(&app, |keys| keys.len() == 1).await, both[1..]);
}

#[actix_web::test]
async fn an_unchanged_key_set_is_not_sent_again() {
    let app = TestApp::start().await;
    let path = "/.well-known/jwks.json";
    let set = app.get(path).send().await.assert_status(200);
    let tag = set.header("etag").expect("an ETag").to_owned();
    let again =
        app.get(path).header("if-none-match", &format!("\"other\", {tag}")).send().await.assert_status(304);
    assert!(again.body.is_empty());
    assert_eq!(
        (again.header("etag"), again.header("cache-control")),
        (Some(tag.as_str()), Some("max-age=300"))
    );
    for other in ["\"other\"", "nonsense"] {
        let response = app.get(path).header("if-none-match", other).send().await.assert_status(200);
        assert_eq!(response.body, set.body);
    }
}

#[actix_web::test]
async fn an_unreachable_database_changes_no_key() {
    let app = TestApp::with(&["--signing-key-rotation", "1h"]).await;
    let before = published(&app).await;
    app.database.db_execute("ALTER TABLE signing_keys RENAME TO gone");
    app.advance(TimeDelta::hours(2));
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(published(&app).await, before);
    app.database.db_execute("ALTER TABLE gone RENAME TO signing_keys");
    app.advance(TimeDelta::seconds(10));
    published_eventually(&app, |keys| keys.len() == 2).await;
}

#[actix_web::test]
async fn refresh_secrets_can_change_under_traffic_without_logouts() {
    const OLD: &str = "the-old-refresh-secret-of-the-tests-0123";
    const NEW: &str = "the-new-refresh-secret-of-the-tests-0123";
    let old = ["--jwt-refresh-secret", OLD, "--jwt-refresh-secrets-accepted", NEW];
    let both = ["--jwt-refresh-secret", NEW, "--jwt-refresh-secrets-accepted", OLD];
    let new = ["--jwt-refresh-secret", NEW];

    let mut one = TestApp::with(&["--jwt-refresh-secret", OLD]).await;
    let mut two = one.another_with(&["--jwt-refresh-secret", OLD]).await.expect("a server");
    let mut tokens = Vec::new();
    for name in ["ann", "bob", "cid", "dot"] {
        tokens.push(one.register(name).await.refresh_token);
    }
    for (number, flags) in [&old[..], &old, &both, &both, &new, &new].into_iter().enumerate() {
        tokens = refresh_all(&one, &two, tokens).await;
        let replaced = if number % 2 == 0 { &mut one } else { &mut two };
        *replaced = replaced.another_with(flags).await.expect("a server");
        tokens = refresh_all(&one, &two, tokens).await;
    }
    // The last tokens are signed with the new secret.
    refresh_all(&one, &two, tokens).await;
}

/// Refreshes all tokens concurrently, twice, alternating between the servers.
async fn refresh_all(one: &TestApp, two: &TestApp, tokens: Vec<String>) -> Vec<String> {
    let mut tokens = tokens;
    for round in 0..2 {
        let refreshes = tokens.iter().enumerate().map(|(index, token)| {
            let app = if (index + round) % 2 == 0 { one } else { two };
            app.refresh(token)
        });
        let responses = join_all(refreshes).await;
        tokens = responses
            .into_iter()
            .map(|response| response.assert_status(200).refresh_cookie().expect("a cookie"))
            .collect();
    }
    assert!(tokens.iter().all(|token| claims(token) != Value::Null));
    tokens
}

fn count(database: &TestDatabase) -> String {
    database.db_text("SELECT CAST(COUNT(*) AS TEXT) AS value FROM signing_keys")
}
