//! A load generator for HTTP/1.1. It parses no more of a response than it needs, because it shares the cores with the server.

mod connection;
mod measurement;
mod sessions;
mod traffic;

use std::cell::Cell;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use connection::Connection;
pub use measurement::Measurement;
use measurement::{Counts, cpu_time};
pub use sessions::{LOGIN_PATH, REGISTER_PATH, Tokens, credentials, open_sessions};
pub use traffic::{Traffic, get, post};

/// How a load is sent.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The number of connections. Each waits for a response before it sends the next request.
    pub connections: usize,
    /// Requests per second. Without it, every connection sends its next request immediately.
    pub rate: Option<f64>,
    /// The time before the measurement.
    pub warm_up: Duration,
    /// The length of the measurement.
    pub length: Duration,
}

/// The requests that are due, with a rate. A thread adds permits, because tokio's timer is only accurate to a millisecond.
struct Schedule {
    interval: Duration,
    due: Arc<Semaphore>,
    taken: Cell<u32>,
}

struct Run<'a> {
    host: &'a str,
    traffic: &'a Traffic,
    schedule: Option<Schedule>,
    start: Instant,
    from: Instant,
    until: Instant,
}

/// Sends the load to `host`, which has the form `address:port`, from one thread.
///
/// # Panics
/// If the thread cannot be set up.
#[must_use]
pub fn run(host: &str, traffic: &Traffic, plan: Plan) -> Measurement {
    let start = Instant::now();
    let from = start + plan.warm_up;
    let until = from + plan.length;
    let schedule = plan.rate.map(|rate| {
        let interval = Duration::from_secs_f64(1.0 / rate);
        let due = Arc::new(Semaphore::new(0));
        Schedule { interval, due, taken: Cell::new(0) }
    });
    let run = Run { host, traffic, schedule, start, from, until };
    let cpu = cpu_time();
    let counts = thread::scope(|scope| {
        if let Some(schedule) = &run.schedule {
            let (due, interval) = (Arc::clone(&schedule.due), schedule.interval);
            scope.spawn(move || pace(&due, interval, start, until));
        }
        let connections = (0..plan.connections).map(|_| connection(&run));
        runtime().block_on(join_all(connections)).into_iter().fold(Counts::default(), Counts::add)
    });
    let unsent = run.schedule.as_ref().map_or(0, Schedule::unsent);
    Measurement::new(counts, unsent, plan.length, cpu_time().saturating_sub(cpu))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Releases one request per interval.
fn pace(due: &Semaphore, interval: Duration, start: Instant, until: Instant) {
    for number in 0.. {
        let at = start + interval * number;
        if at >= until {
            return due.close();
        }
        thread::sleep(at.saturating_duration_since(Instant::now()));
        due.add_permits(1);
    }
}

async fn connection(run: &Run<'_>) -> Counts {
    let mut connection = Connection::new(run.host);
    let mut counts = Counts::default();
    while let Some(due) = run.next().await {
        let Some(mut request) = run.traffic.next() else { break };
        let outcome = connection.exchange(request.bytes()).await;
        let arrived = Instant::now();
        counts.sent += 1;
        let error = match outcome {
            Ok(response) => run.traffic.read(&mut request, &response).err(),
            Err(error) => Some(error.to_string()),
        };
        if (run.from..run.until).contains(&arrived) {
            counts.latencies.push(arrived - due);
        }
        if let Some(error) = error {
            counts.failed(error);
            // A server that is gone must not keep a core busy.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        run.traffic.put_back(request);
    }
    counts
}

impl Run<'_> {
    /// Waits until a request is due, and returns since when. `None` at the end.
    async fn next(&self) -> Option<Instant> {
        let Some(schedule) = &self.schedule else {
            let now = Instant::now();
            return (now < self.until).then_some(now);
        };
        schedule.due.acquire().await.ok()?.forget();
        let number = schedule.taken.replace(schedule.taken.get() + 1);
        Some(self.start + schedule.interval * number)
    }
}

impl Schedule {
    /// Requests that were due, and for which no connection was free until the end.
    fn unsent(&self) -> usize {
        self.due.available_permits()
    }
}
