use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use actix_web::rt::System;
use awc::http::Method;
use futures_util::future::join_all;
use serde_json::json;
use test_support::{Call, NoResponse, Response, client};
use uuid::Uuid;

use crate::servers::PASSWORD;

const PAUSE: Duration = Duration::from_millis(5);
const ATTEMPTS: usize = 3;

/// People who refresh one after the other without an end, as clients do that mean to keep their session: an answer of
/// 503 is asked for again with the same token and the same Idempotency-Key. Any other answer that is no success, and a
/// success that is not the next generation, fails the test.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    thread: JoinHandle<Record>,
}

/// What came of it.
pub struct Record {
    pub people: Vec<Person>,
    /// How many refreshes were answered with 503.
    pub unavailable: usize,
    pub longest: Duration,
}

/// Whoever holds this token: the last that the server acknowledged.
#[derive(Clone, Debug)]
pub struct Person {
    pub token: String,
    pub generation: u64,
}

impl Person {
    pub async fn register(address: SocketAddr, name: &str) -> Self {
        let person = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        let call = Call::new(Method::POST, format!("http://{address}/auth/register")).json(&person);
        let token = call.send().await.assert_status(201).refresh_cookie().expect("a cookie");
        Self { token, generation: 0 }
    }

    /// Refreshes once; the token that is held afterwards is the next.
    pub async fn refresh(&mut self, address: SocketAddr) -> Response {
        let answer = self.attempt(&client(), address, &Uuid::new_v4().simple().to_string()).await;
        self.take(answer.assert_status(200))
    }

    /// Asks again where the server had just given up a kept connection, which no client can know beforehand.
    pub async fn attempt(&self, client: &awc::Client, address: SocketAddr, key: &str) -> Response {
        for _ in 0..ATTEMPTS {
            let call = Call::through(client, Method::POST, format!("http://{address}/auth/refresh"));
            match call.cookie(&self.token).header("Idempotency-Key", key).try_send().await {
                Err(NoResponse::BrokenOff) => {}
                answer => return answer.expect("an answer"),
            }
        }
        panic!("every connection breaks off");
    }

    pub fn take(&mut self, answer: Response) -> Response {
        assert_eq!(answer.json()["rotation"], json!(self.generation + 1), "a generation got lost");
        self.generation += 1;
        self.token = answer.refresh_cookie().expect("a cookie");
        answer
    }
}

impl Traffic {
    /// On a thread of its own, so that a test may block meanwhile.
    pub fn start(address: SocketAddr, people: Vec<Person>) -> Self {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, counter) = (Arc::clone(&stop), Arc::clone(&acknowledged));
        let thread = thread::spawn(move || {
            System::new().block_on(async {
                let all = people.into_iter().map(|person| go_on(address, person, &stopped, &counter));
                join_all(all).await.into_iter().fold(Record::default(), Record::with)
            })
        });
        Self { stop, acknowledged, thread }
    }

    /// How many refreshes have succeeded so far.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Blocks until so many more have succeeded.
    pub fn wait_for_more(&self, count: usize) {
        let wanted = self.acknowledged() + count;
        let started = Instant::now();
        while self.acknowledged() < wanted {
            assert!(!self.thread.is_finished(), "the traffic broke off");
            assert!(started.elapsed() < Duration::from_secs(60), "no refresh succeeds any more");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn finish(self) -> Record {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("traffic without a wrong answer")
    }
}

impl Default for Record {
    fn default() -> Self {
        Self { people: Vec::new(), unavailable: 0, longest: Duration::ZERO }
    }
}

impl Record {
    fn with(mut self, other: Self) -> Self {
        self.people.extend(other.people);
        self.unavailable += other.unavailable;
        self.longest = self.longest.max(other.longest);
        self
    }

    /// Everybody's last acknowledged token goes on.
    pub async fn assert_nothing_lost(&self, address: SocketAddr) {
        for person in &self.people {
            person.clone().refresh(address).await;
        }
    }
}

async fn go_on(
    address: SocketAddr,
    mut person: Person,
    stop: &AtomicBool,
    acknowledged: &AtomicUsize,
) -> Record {
    let client = client();
    let mut record = Record::default();
    while !stop.load(Ordering::SeqCst) {
        let key = Uuid::new_v4().simple().to_string();
        loop {
            let sent = Instant::now();
            let answer = person.attempt(&client, address, &key).await;
            record.longest = record.longest.max(sent.elapsed());
            if answer.status == 200 {
                person.take(answer);
                acknowledged.fetch_add(1, Ordering::SeqCst);
                break;
            }
            assert_unavailable(answer);
            record.unavailable += 1;
            actix_web::rt::time::sleep(PAUSE).await;
        }
        actix_web::rt::time::sleep(PAUSE).await;
    }
    record.people.push(person);
    record
}

/// Told to come back later, and nothing that a client could take for the end of its session.
pub fn assert_unavailable(answer: Response) -> Response {
    let answer = answer.assert_problem(503, "unavailable");
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    assert!(answer.header("set-cookie").is_none());
    answer
}
