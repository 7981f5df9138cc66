//! Many connections.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use tempfile::TempDir;
use test_support::{Program, TestDatabase};

use crate::servers::{AUTH_SERVER, Deployment, on_postgres};
use crate::traffic::{Traffic, User};

/// The limit for the server's memory per idle connection.
const BYTES_EACH: u64 = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(60);
/// A server accepts no more.
const MAX_CONNECTIONS: usize = 4_096;
/// Other open files of the server, such as those of its database.
const OTHER_FILES: usize = 50;

#[actix_web::test]
async fn a_thousand_idle_connections_do_not_block_others() {
    idle_connections(1_000).await;
}

#[ignore = "long: ten thousand connections"]
#[actix_web::test]
async fn ten_thousand_idle_connections_do_not_block_others() {
    idle_connections(10_000).await;
}

#[actix_web::test]
async fn short_connections_leak_neither_memory_nor_files() {
    churn(3_000).await;
}

#[ignore = "long: fifty thousand connections"]
#[actix_web::test]
async fn fifty_thousand_short_connections_leak_neither_memory_nor_files() {
    churn(50_000).await;
}

/// Shells and service managers start programs with a soft limit of 1024 or less, below the hard limit.
#[actix_web::test]
async fn a_server_raises_its_limit_of_open_files() {
    let folder = TempDir::new().expect("a folder");
    let starter = folder.path().join("starter");
    fs::write(&starter, format!("#!/bin/sh\nulimit -Sn 256\nexec {AUTH_SERVER}\n")).expect("a script");
    fs::set_permissions(&starter, fs::Permissions::from_mode(0o700)).expect("a script that runs");
    let deployment = Deployment::with(TestDatabase::on_sqlite());
    let server = deployment.start_program(starter.to_str().expect("text"), deployment.address, &[]).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.id())).expect("its limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a limit");
    let numbers: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(numbers[0], numbers[1], "{line}");
    assert_ne!(numbers[0], "256");
}

async fn idle_connections(count: usize) {
    if on_postgres() {
        return;
    }
    let count = allow(count);
    let deployment = Deployment::new();
    // Otherwise the limit per address applies.
    let server = deployment.start_with(&[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let traffic = Traffic::start(deployment.address, vec![User::register(deployment.address, "ann").await]);
    traffic.wait_for_more(10);
    let before = server.resident_memory();

    let started = Instant::now();
    let idle: Vec<TcpStream> =
        (0..count).map(|_| TcpStream::connect(server.address).expect("a connection")).collect();
    let opened = started.elapsed();
    traffic.wait_for_more(20);
    let each = server.resident_memory().saturating_sub(before) / u64::try_from(count).expect("a number");
    let files = open_files(&server);

    let longest = thread::scope(|scope| {
        scope.spawn(|| idle.iter().map(|one| wait_for_end(one, started)).max().expect("connections")).join()
    });
    traffic.wait_for_more(5);
    let record = traffic.finish();
    println!(
        "{count} idle connections, opened in {opened:.1?}: {} files, {each} bytes each; the last was closed {:.1?} after \
         the first was opened; longest refresh {:.1?}",
        files,
        longest.expect("their end"),
        record.longest
    );
    assert!(each <= BYTES_EACH, "{each} bytes per connection");
    // On a slow machine the server closes the first ones before the last are opened.
    assert!(files > count.min(MAX_CONNECTIONS) / 2, "{files} files: too few were open at the same time");
    assert!(files <= MAX_CONNECTIONS + 128, "{files} files");
    wait_until_closed(&server);
}

async fn churn(count: usize) {
    if on_postgres() {
        return;
    }
    let deployment = Deployment::new();
    let server = deployment.start().await;
    let traffic = Traffic::start(deployment.address, vec![User::register(deployment.address, "ann").await]);
    open_and_close(deployment.address, 500);
    let before = server.resident_memory();
    let started = Instant::now();
    open_and_close(deployment.address, count);
    let took = started.elapsed();
    wait_until_closed(&server);
    let after = server.resident_memory();
    traffic.wait_for_more(5);
    println!(
        "{count} connections came and went in {took:.1?}: memory {} KiB before, {} KiB after; longest refresh {:.1?}",
        before >> 10,
        after >> 10,
        traffic.finish().longest
    );
    assert!(after <= before + (16 << 20), "the memory grew from {before} to {after} bytes");
}

/// Every second one without a request.
fn open_and_close(address: SocketAddr, count: usize) {
    for number in 0..count {
        let mut connection = TcpStream::connect(address).expect("a connection");
        if number % 2 == 0 {
            connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").expect("a request");
            let mut response = [0; 12];
            connection.read_exact(&mut response).expect("a response");
            assert_eq!(&response, b"HTTP/1.1 200");
        }
    }
}

/// Returns the time since `started`.
fn wait_for_end(mut connection: &TcpStream, started: Instant) -> Duration {
    connection.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let mut response = Vec::new();
    // A reset or a normal close are accepted, a timeout is not.
    if let Err(error) = connection.read_to_end(&mut response) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    started.elapsed()
}

fn wait_until_closed(server: &Program) {
    let started = Instant::now();
    while open_files(server) > OTHER_FILES {
        assert!(started.elapsed() < PATIENCE, "{} files are still open", open_files(server));
        thread::sleep(Duration::from_millis(50));
    }
}

fn open_files(server: &Program) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.id())).expect("a process").count()
}

/// Raises the limit of open files for this process and those that it starts. Returns how many connections are possible.
fn allow(connections: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("no more than is allowed");
    let files = limit.maximum.map_or(usize::MAX, |files| usize::try_from(files).expect("a number"));
    let possible = files - OTHER_FILES;
    if possible < connections {
        println!("{possible} connections instead of {connections}: the system allows {files} open files");
    }
    possible.min(connections)
}
