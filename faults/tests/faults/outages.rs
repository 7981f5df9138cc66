//! The database becomes unavailable, and returns.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use actix_web::rt::System;
use awc::http::Method;
use futures_util::future::join_all;
use test_support::{Call, Program, TestDatabase, client};

use crate::cluster::Cluster;
use crate::servers::Deployment;
use crate::traffic::{Traffic, User, assert_unavailable};

const USERS: usize = 8;
/// More than the server has threads for SQL.
const CROWD: usize = 1200;
/// More than PostgreSQL and the pool need, on a busy machine. The times are printed.
const PATIENCE: Duration = Duration::from_secs(20);
/// The limit for response times, below the timeouts of clients.
const LONGEST: Duration = Duration::from_secs(20);

/// Calls `/healthz` continuously, which must not fail.
struct Pulse {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

#[actix_web::test]
async fn refreshes_survive_database_restarts() {
    restarts(&[Duration::from_millis(500); 3]).await;
}

#[ignore = "long: twenty restarts of PostgreSQL, some take several seconds"]
#[actix_web::test]
async fn refreshes_survive_twenty_database_restarts() {
    restarts(&[0, 300, 1000, 5000].map(Duration::from_millis).repeat(5)).await;
}

/// Each request would occupy a thread if it waited for a connection as long as while the database is available.
#[actix_web::test]
async fn many_clients_get_503_promptly_while_the_database_is_down() {
    let Some(mut cluster) = Cluster::start() else { return };
    let deployment = Deployment::with(TestDatabase::on_postgres(cluster.url()));
    // So that one address may have this many connections.
    let server = deployment.start_with(&[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let user = User::register(deployment.address, "ann").await;
    cluster.stop_immediately();
    assert_unavailable(server.get("/readyz").send().await);

    let clients: Vec<_> = (0..CROWD).map(|_| client()).collect();
    let request = async |client: &awc::Client| {
        let mut longest = Duration::ZERO;
        for _ in 0..4 {
            let sent = Instant::now();
            assert_unavailable(
                user.attempt(client, deployment.address, "a-key-of-twenty-two-characters").await,
            );
            longest = longest.max(sent.elapsed());
        }
        longest
    };
    let longest = join_all(clients.iter().map(request)).await.into_iter().max().expect("a client");
    println!("{CROWD} clients while the database is unavailable: longest response {longest:?}");
    assert!(longest < LONGEST, "a response took {longest:?}");

    cluster.start_again();
    wait_until_ready(&server).await;
    user.clone().refresh(deployment.address).await;
}

#[actix_web::test]
async fn a_hanging_database_does_not_block_requests_forever() {
    let Some(cluster) = Cluster::start() else { return };
    let deployment = Deployment::with(TestDatabase::on_postgres(cluster.url()));
    let server = deployment.start().await;
    let user = User::register(deployment.address, "ann").await;
    let pulse = Pulse::start(deployment.address);
    let frozen = cluster.freeze();

    let clients: Vec<_> = (0..USERS * 5).map(|_| client()).collect();
    let request = async |client: &awc::Client| {
        let sent = Instant::now();
        assert_unavailable(user.attempt(client, deployment.address, "a-key-of-twenty-two-characters").await);
        sent.elapsed()
    };
    let longest = join_all(clients.iter().map(request)).await.into_iter().max().expect("a client");
    println!("a database that hangs: longest response {longest:?}, of /healthz {:?}", pulse.finish());
    assert!(longest < LONGEST, "a response took {longest:?}");

    drop(frozen);
    wait_until_ready(&server).await;
    // With its key the client gets the next generation, whether or not the rotation was committed.
    let response = user.attempt(&client(), deployment.address, "a-key-of-twenty-two-characters").await;
    user.clone().take(response.assert_status(200));
}

/// Stops PostgreSQL during traffic, and starts it again after each of these times.
async fn restarts(gaps: &[Duration]) {
    let Some(mut cluster) = Cluster::start() else { return };
    let deployment = Deployment::with(TestDatabase::on_postgres(cluster.url()));
    let server = deployment.start().await;
    let traffic = Traffic::start(deployment.address, users(deployment.address).await);
    let pulse = Pulse::start(deployment.address);

    let mut recoveries = Vec::new();
    for gap in gaps {
        traffic.wait_for_more(USERS * 5);
        cluster.stop_immediately();
        assert_unavailable(server.get("/readyz").send().await);
        sleep(*gap);
        cluster.start_again();
        let back = Instant::now();
        wait_until_ready(&server).await;
        traffic.wait_for_more(1);
        recoveries.push(back.elapsed());
    }

    let heartbeat = pulse.finish();
    let record = traffic.finish();
    record.assert_nothing_lost(deployment.address).await;
    assert!(record.unavailable >= gaps.len(), "no refresh was rejected while the database was unavailable");
    assert!(record.longest < LONGEST, "a response took {:?}", record.longest);
    let generations: u64 = record.users.iter().map(|user| user.generation).sum();
    println!(
        "{} restarts: {generations} refreshes acknowledged and none lost, {} responses 503; longest response {:?}, of /healthz \
         {heartbeat:?}; serving again after at most {:?} of the database's return",
        gaps.len(),
        record.unavailable,
        record.longest,
        recoveries.iter().max().expect("a restart"),
    );
}

async fn users(address: SocketAddr) -> Vec<User> {
    let mut users = Vec::new();
    for number in 0..USERS {
        users.push(User::register(address, &format!("user{number}")).await);
    }
    users
}

async fn wait_until_ready(server: &Program) {
    let started = Instant::now();
    while server.get("/readyz").send().await.status != 200 {
        assert!(started.elapsed() < PATIENCE, "the server has not reconnected to its database");
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Pulse {
    fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || System::new().block_on(beat(address, &stopped)));
        Self { stop, thread }
    }

    /// The longest response time.
    fn finish(self) -> Duration {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("a server that lived throughout")
    }
}

async fn beat(address: SocketAddr, stop: &AtomicBool) -> Duration {
    let client = client();
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::SeqCst) {
        let sent = Instant::now();
        let call = Call::through(&client, Method::GET, format!("http://{address}/healthz"));
        call.send().await.assert_status(200);
        longest = longest.max(sent.elapsed());
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    longest
}
