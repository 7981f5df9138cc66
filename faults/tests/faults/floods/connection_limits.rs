//! How many connections a server keeps open, in total and from one address, and for how long.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use tempfile::TempDir;
use test_support::TestDatabase;

use crate::servers::{AUTH_SERVER, Deployment, on_postgres, start_api_with};

/// The limit per address.
const PER_ADDRESS: usize = 512;
/// More than that.
const MANY: usize = PER_ADDRESS + 88;
/// The server closes a few more than it must.
const AT_ONCE: usize = 12;
/// The limit in total with 300 open files: 128 are reserved.
const LIMIT: usize = 172;
/// A server closes connections at its limit when the next one arrives. Silent ones it closes after 10 s.
const PROMPTLY: Duration = Duration::from_secs(7);

const GOOD: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
/// A request in progress: the server waits for the end of the body.
const IN_PROGRESS: &str =
    "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{";

/// A connection from 127.0.0.`from`.
fn open(server: SocketAddr, from: u8) -> TcpStream {
    // Servers that other tests start must not inherit it.
    let socket =
        socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).expect("a socket");
    bind(&socket, &SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, from)), 0)).expect("an address");
    connect(&socket, &server).expect("a connection");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PROMPTLY)).expect("a timeout");
    stream
}

fn is_open(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    let read = stream.read(&mut [0; 1]);
    stream.set_nonblocking(false).expect("a socket");
    read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Waits until the server has closed those that it closes promptly.
fn open_ones(streams: &[TcpStream], expected: usize) -> usize {
    let started = Instant::now();
    loop {
        let open = streams.iter().filter(|stream| is_open(stream)).count();
        if open <= expected || started.elapsed() > PROMPTLY {
            return open;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn assert_served(mut stream: &TcpStream, request: &str, status: &str) {
    stream.write_all(request.as_bytes()).expect("a request");
    let mut response = [0; 12];
    stream.read_exact(&mut response).expect("a response");
    assert_eq!(String::from_utf8_lossy(&response), format!("HTTP/1.1 {status}"));
}

#[actix_web::test]
async fn the_oldest_idle_connections_of_an_address_are_closed_at_its_limit() {
    if on_postgres() {
        return;
    }
    let deployment = Deployment::new();
    let server = deployment.start().await;
    let api = start_api_with("http://127.0.0.1:9", &[]).await;
    for address in [server.address, api.address] {
        let stranger = open(address, 3);
        let is_auth_server = address == server.address;
        let busy = open(address, 2);
        if is_auth_server {
            (&busy).write_all(IN_PROGRESS.as_bytes()).expect("a part of a request");
        }
        thread::sleep(Duration::from_millis(100));
        let older: Vec<_> = (0..MANY / 2).map(|_| open(address, 2)).collect();
        // Each thread of the server accepts its share of them at its own pace.
        thread::sleep(Duration::from_millis(500));
        let newer: Vec<_> = (0..MANY / 2).map(|_| open(address, 2)).collect();
        assert_served(&open(address, 2), GOOD, "200");
        let left = open_ones(&older, PER_ADDRESS - newer.len()) + newer.len();
        assert!((PER_ADDRESS - AT_ONCE..=PER_ADDRESS).contains(&left), "{left} connections are open");
        assert!(newer.iter().all(is_open), "a newer one was closed");
        if is_auth_server {
            // It is older than all others, and not idle.
            assert_served(&busy, "}", "422");
        }
        assert_served(&stranger, GOOD, "200");
    }
}

#[actix_web::test]
async fn an_address_with_requests_in_progress_on_all_its_connections_gets_no_more() {
    if on_postgres() {
        return;
    }
    let deployment = Deployment::new();
    let server = deployment.start().await;
    let busy: Vec<_> = (0..PER_ADDRESS).map(|_| open(server.address, 2)).collect();
    for mut stream in &busy {
        stream.write_all(IN_PROGRESS.as_bytes()).expect("a part of a request");
    }
    thread::sleep(Duration::from_millis(500));
    let one_more = open(server.address, 2);
    assert_eq!(open_ones(&[one_more], 0), 0);
    assert_served(&open(server.address, 3), GOOD, "200");
    assert_eq!(open_ones(&busy, 0), PER_ADDRESS);
    assert_served(&busy[0], "}", "422");
}

#[actix_web::test]
async fn a_trusted_proxy_has_no_limit_of_its_own() {
    if on_postgres() {
        return;
    }
    let deployment = Deployment::new();
    let server = deployment.start_with(&[("TRUSTED_PROXIES", "127.0.0.2")]).await;
    let idle: Vec<_> = (0..MANY).map(|_| open(server.address, 2)).collect();
    assert_served(&open(server.address, 2), GOOD, "200");
    assert_eq!(open_ones(&idle, PER_ADDRESS), MANY);
}

#[actix_web::test]
async fn the_oldest_idle_connections_are_closed_before_the_open_files_run_out() {
    if on_postgres() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let starter = folder.path().join("starter");
    fs::write(&starter, format!("#!/bin/sh\nulimit -n 300\nexec {AUTH_SERVER}\n")).expect("a script");
    fs::set_permissions(&starter, fs::Permissions::from_mode(0o700)).expect("a script that runs");
    let deployment = Deployment::with(TestDatabase::on_sqlite());
    let starter = starter.to_str().expect("text");
    let server =
        deployment.start_program(starter, deployment.address, &[("TRUSTED_PROXIES", "127.0.0.9")]).await;
    // The oldest, but a proxy's.
    let proxy = open(server.address, 9);
    thread::sleep(Duration::from_millis(100));
    // From so many addresses that none reaches its own limit, an eighth of that in total.
    let mut from = (11..=60).cycle();
    let idle: Vec<_> =
        (0..LIMIT * 2).map(|_| open(server.address, from.next().expect("an address"))).collect();
    assert_served(&open(server.address, 4), GOOD, "200");
    let left = open_ones(&idle, LIMIT);
    assert!((LIMIT - AT_ONCE..=LIMIT).contains(&left), "{left} connections are open");
    assert!(!is_open(&idle[0]) && is_open(&idle[LIMIT * 2 - 1]));
    assert_served(&proxy, GOOD, "200");
    drop(idle);
    // One address does not get more because others are gone.
    let idle: Vec<_> = (0..LIMIT).map(|_| open(server.address, 2)).collect();
    assert!(open_ones(&idle, LIMIT / 8) <= LIMIT / 8);
}

#[actix_web::test]
async fn a_connection_stays_open_as_long_as_keep_alive_says() {
    if on_postgres() {
        return;
    }
    let deployment = Deployment::new();
    let by_default = deployment.start().await;
    let api = start_api_with("http://127.0.0.1:9", &[]).await;
    let brief = start_api_with("http://127.0.0.1:9", &[("KEEP_ALIVE", "2s")]).await;
    let connections = [by_default.address, api.address, brief.address].map(|address| open(address, 1));
    for connection in &connections {
        assert_served(connection, GOOD, "200");
        let _ = { connection }.read(&mut [0; 4096]);
    }
    thread::sleep(Duration::from_millis(1_500));
    assert!(connections.iter().all(is_open));
    // actix's own default is 5 s.
    thread::sleep(Duration::from_millis(5_500));
    assert_eq!(connections.each_ref().map(is_open), [true, true, false]);
    assert_served(&connections[0], GOOD, "200");
    assert_served(&connections[1], GOOD, "200");
}
