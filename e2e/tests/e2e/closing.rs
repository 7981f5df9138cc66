//! Every response after which a server closes the connection says `Connection: close`. Otherwise a proxy sends the next
//! request of another client into the closing connection.

pub mod hostile;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use hostile::{GOOD, requests};

use crate::stack::Stack;

/// After this time without data, the connection counts as open. actix waits for a second before it closes one after an
/// early response.
const SILENCE: Duration = Duration::from_millis(2_500);
/// The most a server may take to close a connection while it receives data.
const PATIENCE: Duration = Duration::from_secs(20);

#[actix_web::test]
async fn a_server_that_closes_a_connection_says_so() {
    let stack = Stack::new();
    let (auth, api) = (stack.start_auth().await, stack.start_api());
    let urls = [auth.url.clone(), api.url.clone()];
    let closed = actix_web::web::block(move || {
        thread::scope(|scope| {
            let mut exchanges = Vec::new();
            for url in &urls {
                let address = url.trim_start_matches("http://");
                for (name, bytes) in requests() {
                    for is_used in [false, true] {
                        let bytes = bytes.clone();
                        exchanges.push(scope.spawn(move || is_closed(address, name, &bytes, is_used)));
                    }
                }
            }
            exchanges
                .into_iter()
                .map(|one| one.join().expect("an exchange"))
                .filter(|is_closed| *is_closed)
                .count()
        })
    });
    let closed = closed.await.expect("a thread");
    assert!(closed > requests().len(), "only {closed} connections were closed");
}

/// `is_used`: another request came first on the connection. Fails if the server closes it without saying so.
fn is_closed(address: &str, name: &str, bytes: &[u8], is_used: bool) -> bool {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(SILENCE)).expect("a timeout");
    if is_used {
        stream.write_all(GOOD.as_bytes()).expect("a request");
        let mut first = Vec::new();
        while !ends_with_body(&first) {
            let mut part = [0; 1024];
            let count = stream.read(&mut part).expect("a response");
            assert_ne!(count, 0, "{name}: closed after a good request");
            first.extend_from_slice(&part[..count]);
        }
    }
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(bytes);
    let (mut received, mut part) = (Vec::new(), [0; 4096]);
    let started = Instant::now();
    let is_closed = loop {
        match stream.read(&mut part) {
            Ok(0) => break true,
            Ok(count) => received.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break false,
            Err(_) => break true,
        }
        assert!(started.elapsed() < PATIENCE, "{name}: no end");
    };
    let text = String::from_utf8_lossy(&received);
    let last = text.rfind("HTTP/1.").map(|at| text[at..].to_lowercase());
    let head = last.as_deref().unwrap_or_default().split("\r\n\r\n").next().unwrap_or_default().to_owned();
    let says_close = head.contains("\r\nconnection: close")
        || (head.starts_with("http/1.0") && !head.contains("keep-alive"));
    // Without a response only the client that sent the request notices.
    assert!(
        !is_closed || head.is_empty() || says_close,
        "{address} {name} (used: {is_used}): closed after {text}"
    );
    if is_closed && !head.is_empty() {
        assert!(head.contains("x-content-type-options: nosniff"), "{name}: {text}");
    }
    is_closed
}

/// Whether the response to a good request is complete.
fn ends_with_body(response: &[u8]) -> bool {
    let text = String::from_utf8_lossy(response);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    body.len() == length.map_or(0, |length| length.parse().expect("a number"))
}
