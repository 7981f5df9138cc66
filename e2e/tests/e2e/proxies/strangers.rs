//! Requests of one client cannot make those of another fail, although a proxy sends both over the same connections.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::proxy::Kind;
use super::site::Site;
use crate::closing::hostile::{requests, to_host};

/// How long the hostile client repeats its requests.
const LENGTH: Duration = Duration::from_secs(4);
/// How long it waits for a response, which may never come.
const PATIENCE: Duration = Duration::from_millis(100);
/// Names of requests after which the servers close the connection.
const CLOSING: [&str; 3] = ["another protocol", "another protocol, posted", "110 headers"];
const CLIENTS: usize = 4;
/// A POST with a body, which a proxy does not repeat.
const POST: &str =
    "POST /auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/// Lets Caddy use connections again, and pass on everything.
const CARELESS_CADDY: [(&str, &str); 4] = [
    ("keepalive off", "keepalive 1m"),
    ("header_up -Connection", ""),
    ("header_up -Upgrade", ""),
    ("max_header_size 16KB", "max_header_size 1MB"),
];
const NGINX_WITHOUT_LIMITS: (&str, &str) = ("rate=20r/s", "rate=100000r/s");
const CARELESS_NGINX: [(&str, &str); 3] = [
    NGINX_WITHOUT_LIMITS,
    ("server 127.0.0.1:8080;", "server 127.0.0.1:8080; keepalive 4;"),
    (
        "proxy_set_header Forwarded \"\";",
        "proxy_set_header Forwarded \"\"; proxy_http_version 1.1; proxy_set_header Connection \"\";",
    ),
];

async fn strangers_are_served(kind: Kind, edits: &[(&str, &str)]) {
    let site = Site::start_with(kind, edits).await;
    let address = site.url.trim_start_matches("http://").replace("localhost", "127.0.0.1");
    let exchanges = actix_web::web::block(move || {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let strangers: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| post(&address, &over))).collect();
            let attacks: Vec<_> = (0..CLIENTS)
                .map(|number| {
                    scope.spawn({
                        let address = &address;
                        move || attack(address, number)
                    })
                })
                .collect();
            let sent: usize = attacks.into_iter().map(|one| one.join().expect("an attack")).sum();
            over.store(true, Ordering::SeqCst);
            let served: usize = strangers.into_iter().map(|one| one.join().expect("a stranger")).sum();
            (sent, served)
        })
    });
    let (sent, served) = exchanges.await.expect("threads");
    println!("{kind:?}: {sent} hostile requests, {served} POSTs of others");
    assert!(sent > 100 && served > 100, "{kind:?}: {sent} hostile requests, {served} POSTs of others");
}

/// Sends hostile requests again and again: the first client all of them, the others those that close most connections.
/// Returns their number.
fn attack(address: &str, number: usize) -> usize {
    let all = requests().into_iter().filter(|(name, _)| number == 0 || CLOSING.contains(name));
    let all: Vec<_> = all.map(|(_, bytes)| to_host(&bytes, address)).collect();
    let started = Instant::now();
    let mut sent = 0;
    while started.elapsed() < LENGTH {
        for bytes in &all {
            let mut stream = TcpStream::connect(address).expect("a proxy");
            stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            let _ = stream.write_all(bytes);
            let _ = stream.read(&mut [0; 1024]);
            sent += 1;
        }
    }
    sent
}

/// Sends one request after another until `over`. Returns their number, if all were answered by the server.
fn post(address: &str, over: &AtomicBool) -> usize {
    let request = POST.replace("Host: x", "Connection: close\r\nHost: x");
    let request = to_host(request.as_bytes(), address);
    let mut count = 0;
    while !over.load(Ordering::SeqCst) {
        let mut stream = TcpStream::connect(address).expect("a proxy");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        stream.write_all(&request).expect("a request");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("a response");
        assert!(response.starts_with("HTTP/1.1 401"), "after {count} requests: {response}");
        count += 1;
    }
    count
}

#[actix_web::test]
async fn hostile_requests_do_not_break_those_of_others_behind_nginx() {
    strangers_are_served(Kind::Nginx, &[NGINX_WITHOUT_LIMITS]).await;
}

#[actix_web::test]
async fn hostile_requests_do_not_break_those_of_others_behind_caddy() {
    strangers_are_served(Kind::Caddy, &[]).await;
}

/// The example is safe whatever the servers do. Here the servers must be.
#[actix_web::test]
async fn the_servers_tell_an_nginx_that_keeps_connections_which_of_them_they_close() {
    strangers_are_served(Kind::Nginx, &CARELESS_NGINX).await;
}

#[actix_web::test]
async fn the_servers_tell_a_caddy_that_keeps_connections_which_of_them_they_close() {
    strangers_are_served(Kind::Caddy, &CARELESS_CADDY).await;
}
