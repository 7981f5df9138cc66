//! The database is gone, and comes back.

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
use crate::servers::Place;
use crate::traffic::{Person, Traffic, assert_unavailable};

const PEOPLE: usize = 8;
/// More than the server has threads for statements.
const CROWD: usize = 1200;
/// More than PostgreSQL and the pool need, on a machine that is busy with other tests; the figures are printed.
const PATIENCE: Duration = Duration::from_secs(20);
/// No answer may take as long as a client's own limit.
const LONGEST: Duration = Duration::from_secs(20);

/// Asks `/healthz` all the time, which must never fail.
struct Pulse {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

#[actix_web::test]
async fn refreshes_survive_database_restarts() {
    restarts(&[Duration::from_millis(500); 3]).await;
}

#[ignore = "long: twenty restarts of PostgreSQL, some of several seconds"]
#[actix_web::test]
async fn refreshes_survive_twenty_database_restarts() {
    restarts(&[0, 300, 1000, 5000].map(Duration::from_millis).repeat(5)).await;
}

/// Each would hold a thread if it waited for its connection as long as while others merely use them.
#[actix_web::test]
async fn many_clients_get_503_promptly_while_the_database_is_down() {
    let Some(mut cluster) = Cluster::start() else { return };
    let place = Place::with(TestDatabase::on_postgres(cluster.url()));
    let server = place.start().await;
    let person = Person::register(place.address, "ann").await;
    cluster.stop_at_once();
    assert_unavailable(server.get("/readyz").send().await);

    let clients: Vec<_> = (0..CROWD).map(|_| client()).collect();
    let ask = async |client: &awc::Client| {
        let mut longest = Duration::ZERO;
        for _ in 0..4 {
            let sent = Instant::now();
            assert_unavailable(person.attempt(client, place.address, "a-key-of-twenty-two-characters").await);
            longest = longest.max(sent.elapsed());
        }
        longest
    };
    let longest = join_all(clients.iter().map(ask)).await.into_iter().max().expect("a crowd");
    println!("{CROWD} clients that ask all the time while the database is gone: longest answer {longest:?}");
    assert!(longest < LONGEST, "an answer took {longest:?}");

    cluster.start_again();
    wait_until_ready(&server).await;
    person.clone().refresh(place.address).await;
}

#[actix_web::test]
async fn a_hanging_database_does_not_block_requests_forever() {
    let Some(cluster) = Cluster::start() else { return };
    let place = Place::with(TestDatabase::on_postgres(cluster.url()));
    let server = place.start().await;
    let person = Person::register(place.address, "ann").await;
    let pulse = Pulse::start(place.address);
    let frozen = cluster.freeze();

    let clients: Vec<_> = (0..PEOPLE * 5).map(|_| client()).collect();
    let ask = async |client: &awc::Client| {
        let sent = Instant::now();
        assert_unavailable(person.attempt(client, place.address, "a-key-of-twenty-two-characters").await);
        sent.elapsed()
    };
    let longest = join_all(clients.iter().map(ask)).await.into_iter().max().expect("a client");
    println!("a database that hangs: longest answer {longest:?}, of /healthz {:?}", pulse.finish());
    assert!(longest < LONGEST, "an answer took {longest:?}");

    drop(frozen);
    wait_until_ready(&server).await;
    // Whether the rotation was carried out meanwhile or not, its key gets the next generation.
    let answer = person.attempt(&client(), place.address, "a-key-of-twenty-two-characters").await;
    person.clone().take(answer.assert_status(200));
}

/// PostgreSQL is stopped in the middle of everything, and started again after each of these times.
async fn restarts(gaps: &[Duration]) {
    let Some(mut cluster) = Cluster::start() else { return };
    let place = Place::with(TestDatabase::on_postgres(cluster.url()));
    let server = place.start().await;
    let traffic = Traffic::start(place.address, people(place.address).await);
    let pulse = Pulse::start(place.address);

    let mut recoveries = Vec::new();
    for gap in gaps {
        traffic.wait_for_more(PEOPLE * 5);
        cluster.stop_at_once();
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
    record.assert_nothing_lost(place.address).await;
    assert!(record.unavailable >= gaps.len(), "nobody noticed");
    assert!(record.longest < LONGEST, "an answer took {:?}", record.longest);
    let generations: u64 = record.people.iter().map(|person| person.generation).sum();
    println!(
        "{} restarts: {generations} refreshes acknowledged and none lost, {} told 503; longest answer {:?}, of /healthz \
         {heartbeat:?}; serving again after at most {:?} of the database's return",
        gaps.len(),
        record.unavailable,
        record.longest,
        recoveries.iter().max().expect("a restart"),
    );
}

async fn people(address: SocketAddr) -> Vec<Person> {
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(Person::register(address, &format!("person{number}")).await);
    }
    people
}

async fn wait_until_ready(server: &Program) {
    let started = Instant::now();
    while server.get("/readyz").send().await.status != 200 {
        assert!(started.elapsed() < PATIENCE, "the server has not found back to its database");
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

    /// The longest answer.
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
