//! The memory of the server after many different valid tokens.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::thread;
use std::time::Instant;

use shared_claims::testing::{SigningKey, access_claims};
use shared_claims::{Clock, SystemClock};
use test_support::{Program, free_address};

const SECRET: &str = "Yk8vN2x1cUZ0M3pKZ0h4U0RwVm1CcldhTGVJb1R5";
/// Requests that are sent before their responses are read.
const BATCH: usize = 50;
const CLIENTS: usize = 2;
/// The limit for the growth of memory besides the cache: only for the allocator.
const GROWTH: u64 = 8 << 20;

#[actix_web::test]
async fn many_valid_tokens_take_no_more_memory_than_the_cache() {
    flood_of_valid_tokens(20_000, 4).await;
}

#[ignore = "long: a million requests"]
#[actix_web::test]
async fn a_million_valid_tokens_take_no_more_memory_than_the_cache() {
    flood_of_valid_tokens(1_000_000, 16).await;
}

async fn flood_of_valid_tokens(count: usize, mebibytes: u64) {
    let (size, limit) = (format!("{mebibytes}MiB"), mebibytes << 20);
    let variables = [("JWT_ACCESS_SECRET", SECRET), ("TOKEN_CACHE_SIZE", &size), ("RUST_LOG", "error")];
    let server = Program::start(env!("CARGO_BIN_EXE_resource-server"), free_address(), &variables).await;
    let key = SigningKey::from_secret(SECRET.as_bytes());

    send(server.address, 0..2_000, |_| token(&key, 0));
    let before = server.resident_memory();
    let started = Instant::now();
    send(server.address, 1..count + 1, |number| token(&key, number));
    let took = started.elapsed();
    let growth = server.resident_memory().saturating_sub(before);
    println!(
        "{count} valid tokens in {took:.1?}: the memory grew by {} of {} KiB",
        growth >> 10,
        limit >> 10
    );
    assert!(growth <= limit + GROWTH, "the memory grew by {growth} bytes");
    assert!(growth >= limit / 2, "the tokens were not cached: the memory grew by {growth} bytes");
}

/// A token of its own for each number, all of the same length.
fn token(key: &SigningKey, number: usize) -> String {
    let mut claims = access_claims("http://localhost:8080", "api", SystemClock.now());
    claims.jti = format!("{number:036}");
    key.access_token(&claims)
}

/// Sends a request for each number over a few connections.
fn send(server: SocketAddr, numbers: Range<usize>, token: impl Fn(usize) -> String + Sync) {
    let (numbers, token): (Vec<_>, _) = (numbers.collect(), &token);
    thread::scope(|scope| {
        for numbers in numbers.chunks(numbers.len().div_ceil(CLIENTS)) {
            scope.spawn(move || {
                let mut connection = TcpStream::connect(server).expect("a connection");
                connection.write_all(request(&token(0)).as_bytes()).expect("a server that reads");
                let length = connection.read(&mut [0; 4096]).expect("a response");
                for batch in numbers.chunks(BATCH) {
                    let requests: String = batch.iter().map(|number| request(&token(*number))).collect();
                    connection.write_all(requests.as_bytes()).expect("a server that reads");
                    // All responses have the same length.
                    let mut responses = vec![0; batch.len() * length];
                    connection.read_exact(&mut responses).expect("responses");
                    assert!(responses.chunks(length).all(|response| response.starts_with(b"HTTP/1.1 200 ")));
                }
            });
        }
    });
}

fn request(token: &str) -> String {
    format!("GET /protected HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
}
