//! The time of a signature with a key that is parsed once, with `jsonwebtoken::encode`, which parses it for each signature, and
//! of a whole refresh.

use std::hint::black_box;

use actix_web::rt::System;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use bench::BenchServer;
use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::{EncodingKey, Header, encode};
use shared_claims::testing::{ManualClock, SigningKey, access_claims};
use shared_claims::{Algorithm, Clock};

fn signatures(criterion: &mut Criterion) {
    let claims = access_claims("https://auth.example", "api", ManualClock::new().now());
    let parsed = SigningKey::generate(Algorithm::Es256);
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    let unparsed = EncodingKey::from_ec_der(pkcs8.expect("a key").as_ref());
    let mut header = Header::new(jsonwebtoken::Algorithm::ES256);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(parsed.kid().to_owned());

    let mut group = criterion.benchmark_group("ES256");
    group.bench_function("key parsed once", |bencher| {
        bencher.iter(|| parsed.access_token(black_box(&claims)));
    });
    group.bench_function("jsonwebtoken::encode", |bencher| {
        bencher.iter(|| encode(&header, black_box(&claims), &unparsed).expect("a token"));
    });
    group.finish();
}

/// Over HTTP on the loopback and with SQLite, including the client's work.
fn refresh(criterion: &mut Criterion) {
    let server = BenchServer::start();
    let system = System::new();
    let client = system.block_on(async { test_support::client() });
    let registered = system.block_on(server.register(&client, "ada@example.com"));
    let mut token = registered.refresh_cookie().expect("a refresh cookie");
    criterion.bench_function("a whole refresh", |bencher| {
        bencher.iter(|| {
            let response = system.block_on(server.post(&client, "/auth/refresh").cookie(&token).send());
            token = response.assert_status(200).refresh_cookie().expect("a refresh cookie");
        });
    });
}

criterion_group!(benches, signatures, refresh);
criterion_main!(benches);
