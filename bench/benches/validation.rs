//! The time per validation, with and without a cache, and the memory of the revocation list, with 100,000 entries.

use std::hint::black_box;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use serde::Deserialize;
use serde_json::{Value, json};
use shared_claims::claims::CustomClaims;
use shared_claims::testing::{ManualClock, SigningKey, access_claims};
use shared_claims::{AccessClaims, AccessTokenValidator, Algorithm, Clock, Revocations, verify_signature};
use uuid::Uuid;

const ENTRIES: usize = 100_000;
const ISSUER: &str = "https://auth.example";
/// The limit for the memory, in bytes.
const MEMORY: usize = 8 << 20;

/// Custom claims with a type.
#[derive(Deserialize)]
struct Plan {
    #[expect(dead_code, reason = "parsed, not read")]
    plan: String,
}

fn validation(criterion: &mut Criterion) {
    let clock = ManualClock::new();
    let key = SigningKey::generate(Algorithm::Es256);
    let mut claims = access_claims(ISSUER, "api", clock.now());
    claims.sid = Uuid::new_v4().to_string();
    claims.sub = Uuid::new_v4().to_string();
    let token = key.access_token(&claims);
    let plain = AccessTokenValidator::new(ISSUER, "api", key.key_set())
        .with_clock(std::sync::Arc::new(clock.clone()));
    let (revocations, memory) = filled(clock.now());
    let listed = plain.clone().with_revocations(revocations.clone());

    println!("{} entries take {} KiB", revocations.len(), memory >> 10);
    assert!(memory <= MEMORY, "more than the limit of {} MiB", MEMORY >> 20);
    let mut group = criterion.benchmark_group("validation");
    group.measurement_time(Duration::from_secs(8));
    let mut measure = |name: &str, validator: &AccessTokenValidator, token: &str| {
        group.bench_function(name, |bencher| {
            bencher.iter(|| validator.check::<CustomClaims>(black_box(token)).expect("a valid token"));
        });
    };
    measure("verified", &plain, &token);
    measure("verified, with 100,000 revocations", &listed, &token);
    measure("cached", &plain.clone().with_cache(1 << 20), &token);
    measure("cached, with 100,000 revocations", &listed.with_cache(1 << 20), &token);
    // Mostly parsing: an HMAC is cheap.
    let secret = SigningKey::generate(Algorithm::Hs256);
    let hs256 = AccessTokenValidator::new(ISSUER, "api", secret.key_set())
        .with_algorithms(&[Algorithm::Hs256])
        .with_clock(std::sync::Arc::new(clock.clone()));
    measure("parsed, with an HMAC", &hs256, &secret.access_token(&claims));

    claims.custom.insert("plan".to_owned(), json!("team"));
    let with_plan = key.access_token(&claims);
    let cached = plain.clone().with_cache(1 << 20);
    group.bench_function("cached, with typed claims", |bencher| {
        bencher.iter(|| cached.check::<Plan>(black_box(&with_plan)).expect("a valid token"));
    });
    group.bench_function("the signature alone", |bencher| {
        let keys = key.key_set();
        bencher.iter(|| verify_signature(black_box(&token), &keys, &[Algorithm::Es256]).expect("valid"));
    });
    group.finish();
    // A signature takes about 100 µs, and the difference is smaller than the spread, so the list is measured by itself as well.
    criterion.bench_function("the list alone", |bencher| {
        bencher.iter(|| check_list(black_box(&revocations), black_box(&claims), clock.now()));
    });
}

fn check_list(revocations: &Revocations, claims: &AccessClaims, now: DateTime<Utc>) {
    revocations.check(claims, now).expect("not on the list");
}

/// The list, and the memory of this process that it uses.
fn filled(now: DateTime<Utc>) -> (Revocations, usize) {
    let until = now + TimeDelta::minutes(17);
    let revocations = Revocations::new(None);
    let sessions = || -> Vec<Value> {
        (0..1000).map(|_| json!({"sid": Uuid::new_v4().to_string(), "until": until})).collect()
    };
    let users = || -> Vec<Value> {
        (0..1000).map(|_| json!({"sub": Uuid::new_v4().to_string(), "uv": 2, "until": until})).collect()
    };
    let before = resident();
    for part in 0..ENTRIES / 1000 {
        // One changed user per nine ended sessions.
        let (sessions, users) = if part % 10 == 0 { (Vec::new(), users()) } else { (sessions(), Vec::new()) };
        let page =
            json!({"cursor": "x.1", "snapshot": false, "sessions": sessions, "users": users, "keys": []});
        revocations.apply(serde_json::from_value(page).expect("a page"), now);
    }
    (revocations, resident().saturating_sub(before))
}

/// The resident memory of this process, in bytes, after temporary memory is freed.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("a number") * 1024
}

criterion_group!(benches, validation);
criterion_main!(benches);
