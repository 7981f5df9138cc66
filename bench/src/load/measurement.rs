use std::fmt;
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Latencies;

/// What the connections counted.
#[derive(Default)]
pub(super) struct Counts {
    pub latencies: Vec<Duration>,
    pub sent: usize,
    errors: usize,
    first_error: Option<String>,
}

/// The result of a load.
#[derive(Debug)]
pub struct Measurement {
    /// From the time that the request was due until its response arrived. Without a rate, a request is due when it is sent.
    pub latencies: Option<Latencies>,
    /// Failed connections, and responses with another status than the accepted ones, also during the warm-up.
    pub errors: usize,
    /// The first of them.
    pub first_error: Option<String>,
    /// Requests that were due before the end, and for which no connection was free.
    pub unsent: usize,
    length: Duration,
    cpu_per_request: Duration,
}

impl Counts {
    pub fn failed(&mut self, error: String) {
        self.errors += 1;
        self.first_error.get_or_insert(error);
    }

    pub fn add(mut self, other: Self) -> Self {
        self.latencies.extend(other.latencies);
        self.sent += other.sent;
        self.errors += other.errors;
        self.first_error = self.first_error.or(other.first_error);
        self
    }
}

impl Measurement {
    pub(super) fn new(counts: Counts, unsent: usize, length: Duration, cpu: Duration) -> Self {
        let sent = u32::try_from(counts.sent.max(1)).unwrap_or(u32::MAX);
        Self {
            latencies: Latencies::of(counts.latencies),
            errors: counts.errors,
            first_error: counts.first_error,
            unsent,
            length,
            cpu_per_request: cpu / sent,
        }
    }

    /// Responses after the warm-up.
    #[must_use]
    pub fn count(&self) -> usize {
        self.latencies.as_ref().map_or(0, Latencies::count)
    }

    /// Responses per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "no run has 2^52 requests")]
        let count = self.count() as f64;
        count / self.length.as_secs_f64()
    }

    /// A percentile, in milliseconds; 0 without a response.
    #[must_use]
    pub fn millis(&self, percent: usize) -> f64 {
        self.latencies.as_ref().map_or(0.0, |all| all.percentile(percent).as_secs_f64() * 1000.0)
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "per_second": self.per_second(),
            "p50_ms": self.millis(50),
            "p90_ms": self.millis(90),
            "p99_ms": self.millis(99),
            "max_ms": self.millis(100),
            "errors": self.errors,
            "first_error": self.first_error,
            "unsent": self.unsent,
            "generator_cpu_us_per_request": self.cpu_per_request.as_secs_f64() * 1e6,
        })
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|percent| self.millis(percent));
        let cpu = self.cpu_per_request.as_secs_f64() * 1e6;
        writeln!(out, "{:.0} requests/s", self.per_second())?;
        writeln!(out, "p50 {p50:.2} ms, p90 {p90:.2} ms, p99 {p99:.2} ms, max {max:.2} ms")?;
        write!(out, "{} errors, {} unsent; {cpu:.1} µs of CPU per request here", self.errors, self.unsent)?;
        self.first_error.as_ref().map_or(Ok(()), |error| write!(out, "\nfirst error: {error}"))
    }
}

/// The CPU time of this thread (`proc_pid_schedstat(5)`).
pub(super) fn cpu_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
