//! The time to sign an access token and a refresh token, to sign with `jsonwebtoken::encode`, which parses the key for each
//! signature, and of a whole refresh.

use std::hint::black_box;

use actix_web::rt::System;
use auth_server::testing::TokenSigner;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use bench::BenchServer;
use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::{EncodingKey, Header, encode};
use shared_claims::Clock;
use shared_claims::testing::{ManualClock, access_claims, refresh_claims};

fn signatures(criterion: &mut Criterion) {
    let (issuer, now) = ("https://auth.example", ManualClock::new().now());
    let (access, refresh) = (access_claims(issuer, "api", now), refresh_claims(issuer, now));
    let (es256, hs256) = (TokenSigner::es256(), TokenSigner::hs256("refresh-secret-of-the-bench-0123456789"));
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    let unparsed = EncodingKey::from_ec_der(pkcs8.expect("a key").as_ref());
    let mut header = Header::new(jsonwebtoken::Algorithm::ES256);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some("kid of the 43 characters of a thumbprint...".to_owned());

    let mut group = criterion.benchmark_group("sign");
    group.bench_function("access token, ES256", |bencher| bencher.iter(|| es256.sign(black_box(&access))));
    group.bench_function("access token, ES256, with jsonwebtoken::encode", |bencher| {
        bencher.iter(|| encode(&header, black_box(&access), &unparsed).expect("a token"));
    });
    group.bench_function("refresh token, HS256", |bencher| bencher.iter(|| hs256.sign(black_box(&refresh))));
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
