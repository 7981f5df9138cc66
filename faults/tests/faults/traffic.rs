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

/// Users who refresh continuously, as clients do: a 503 is retried with the same token and the same Idempotency-Key. Any other
/// error, and a success that is not the next generation, fails the test.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    thread: JoinHandle<Record>,
}

pub struct Record {
    pub users: Vec<User>,
    /// The number of 503 responses.
    pub unavailable: usize,
    pub longest: Duration,
}

/// A user with the last token that the server returned.
#[derive(Clone, Debug)]
pub struct User {
    pub token: String,
    pub generation: u64,
}

impl User {
    pub async fn register(address: SocketAddr, name: &str) -> Self {
        let user = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        let call = Call::new(Method::POST, format!("http://{address}/auth/register")).json(&user);
        let token = call.send().await.assert_status(201).refresh_cookie().expect("a cookie");
        Self { token, generation: 0 }
    }

    /// Refreshes once and takes over the next token.
    pub async fn refresh(&mut self, address: SocketAddr) -> Response {
        let response = self.attempt(&client(), address, &Uuid::new_v4().simple().to_string()).await;
        self.take(response.assert_status(200))
    }

    /// Retries if the server had just closed a kept connection, which a client cannot know.
    pub async fn attempt(&self, client: &awc::Client, address: SocketAddr, key: &str) -> Response {
        for _ in 0..ATTEMPTS {
            let call = Call::through(client, Method::POST, format!("http://{address}/auth/refresh"));
            match call.cookie(&self.token).header("Idempotency-Key", key).try_send().await {
                Err(NoResponse::BrokenOff) => {}
                response => return response.expect("a response"),
            }
        }
        panic!("every connection is closed");
    }

    pub fn take(&mut self, response: Response) -> Response {
        assert_eq!(response.json()["rotation"], json!(self.generation + 1), "a lost generation");
        self.generation += 1;
        self.token = response.refresh_cookie().expect("a cookie");
        response
    }
}

impl Traffic {
    /// Starts it on its own thread, so that the test may block.
    pub fn start(address: SocketAddr, users: Vec<User>) -> Self {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, counter) = (Arc::clone(&stop), Arc::clone(&acknowledged));
        let thread = thread::spawn(move || {
            System::new().block_on(async {
                let all = users.into_iter().map(|user| keep_refreshing(address, user, &stopped, &counter));
                join_all(all).await.into_iter().fold(Record::default(), Record::with)
            })
        });
        Self { stop, acknowledged, thread }
    }

    /// The number of successful refreshes so far.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Blocks until this number of further refreshes have succeeded.
    pub fn wait_for_more(&self, count: usize) {
        let target = self.acknowledged() + count;
        let started = Instant::now();
        while self.acknowledged() < target {
            assert!(!self.thread.is_finished(), "the traffic has stopped");
            assert!(started.elapsed() < Duration::from_secs(60), "no refresh succeeds");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn finish(self) -> Record {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("only expected responses")
    }
}

impl Default for Record {
    fn default() -> Self {
        Self { users: Vec::new(), unavailable: 0, longest: Duration::ZERO }
    }
}

impl Record {
    fn with(mut self, other: Self) -> Self {
        self.users.extend(other.users);
        self.unavailable += other.unavailable;
        self.longest = self.longest.max(other.longest);
        self
    }

    /// Every user can refresh the last token that the server returned.
    pub async fn assert_nothing_lost(&self, address: SocketAddr) {
        for user in &self.users {
            user.clone().refresh(address).await;
        }
    }
}

async fn keep_refreshing(
    address: SocketAddr,
    mut user: User,
    stop: &AtomicBool,
    acknowledged: &AtomicUsize,
) -> Record {
    let client = client();
    let mut record = Record::default();
    while !stop.load(Ordering::SeqCst) {
        let key = Uuid::new_v4().simple().to_string();
        loop {
            let sent = Instant::now();
            let response = user.attempt(&client, address, &key).await;
            record.longest = record.longest.max(sent.elapsed());
            if response.status == 200 {
                user.take(response);
                acknowledged.fetch_add(1, Ordering::SeqCst);
                break;
            }
            assert_unavailable(response);
            record.unavailable += 1;
            actix_web::rt::time::sleep(PAUSE).await;
        }
        actix_web::rt::time::sleep(PAUSE).await;
    }
    record.users.push(user);
    record
}

/// 503 with Retry-After, and nothing that a client could take for the end of its session.
pub fn assert_unavailable(response: Response) -> Response {
    let response = response.assert_problem(503, "unavailable");
    assert!(response.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    assert!(response.header("set-cookie").is_none());
    response
}
