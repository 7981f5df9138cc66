//! Invalid tokens, each of them different.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use uuid::Uuid;

use crate::servers::{Deployment, on_postgres, register, start_api};

/// Requests that are sent before their responses are read.
const BATCH: usize = 50;
const CLIENTS: usize = 2;
/// The limit for the growth of memory after the warm-up: only for the allocator.
const GROWTH: u64 = 8 << 20;

#[actix_web::test]
async fn bad_tokens_do_not_grow_the_memory() {
    flood_of_bad_tokens(20_000).await;
}

#[ignore = "long: a million requests"]
#[actix_web::test]
async fn a_million_bad_tokens_do_not_grow_the_memory() {
    flood_of_bad_tokens(1_000_000).await;
}

async fn flood_of_bad_tokens(count: usize) {
    if on_postgres() {
        return;
    }
    let deployment = Deployment::new();
    let server = deployment.start().await;
    let api = start_api(&server.url()).await;
    let token = register(&server, "ann").await.json()["access_token"].as_str().expect("a token").to_owned();
    while api.get("/readyz").send().await.status != 200 {
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }

    send(api.address, &token, 2_000);
    let before = api.resident_memory();
    let started = Instant::now();
    send(api.address, &token, count);
    let (took, after) = (started.elapsed(), api.resident_memory());
    api.get("/protected").bearer(&token).send().await.assert_status(200);
    println!(
        "{count} invalid tokens in {took:.1?}: memory {} KiB before, {} KiB after",
        before >> 10,
        after >> 10
    );
    assert!(after <= before + GROWTH, "the memory grew from {before} to {after} bytes");
}

/// Sends them over a few connections.
fn send(api: SocketAddr, token: &str, count: usize) {
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = TcpStream::connect(api).expect("a connection");
                let mut responses = BufReader::new(connection.try_clone().expect("a socket"));
                for batch in 0..count / BATCH / CLIENTS {
                    let requests: String =
                        (0..BATCH).map(|number| request(&bad(token, batch * BATCH + number))).collect();
                    connection.write_all(requests.as_bytes()).expect("a server that reads");
                    for _ in 0..BATCH {
                        assert_eq!(status(&mut responses), "HTTP/1.1 401 Unauthorized");
                    }
                }
            });
        }
    });
}

fn request(token: &str) -> String {
    format!("GET /protected HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
}

/// Reads one response and returns its first line.
fn status(responses: &mut BufReader<TcpStream>) -> String {
    let mut line = || {
        let mut line = String::new();
        responses.read_line(&mut line).expect("a response");
        line.trim_end().to_owned()
    };
    let status = line();
    let mut length = 0;
    loop {
        let header = line().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    responses.take(length).read_to_end(&mut Vec::new()).expect("a body");
    status
}

/// Invalid in one of four ways.
fn bad(token: &str, number: usize) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    match number % 4 {
        0 => with_unknown_key(token),
        1 => format!("{signed}.{}", URL_SAFE_NO_PAD.encode([Uuid::new_v4().into_bytes(); 4].concat())),
        2 => format!("{}.{signature}", Uuid::new_v4()),
        _ => Uuid::new_v4().simple().to_string().repeat(8),
    }
}

/// The same token with an unknown key id.
pub fn with_unknown_key(token: &str) -> String {
    let (_, rest) = token.split_once('.').expect("three parts");
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": Uuid::new_v4().to_string()}).to_string();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}
