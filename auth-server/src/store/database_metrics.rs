use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use server_kit::metrics::{BUCKETS, LabelledCounter};

/// No connection was available in time.
pub const NO_CONNECTION: &str = "no_connection";
/// The result did not arrive in time, or the work waited too long in the write queue.
pub const OVERDUE: &str = "overdue";

#[derive(Clone)]
pub struct DatabaseMetrics {
    waits: Histogram,
    failures: LabelledCounter,
}

impl Default for DatabaseMetrics {
    fn default() -> Self {
        Self {
            waits: Histogram::new(BUCKETS),
            failures: LabelledCounter::new("reason", [NO_CONNECTION, OVERDUE]),
        }
    }
}

impl DatabaseMetrics {
    pub fn observe_wait(&self, time: Duration) {
        self.waits.observe(time.as_secs_f64());
    }

    pub fn count_failure(&self, reason: &'static str) {
        self.failures.count(reason);
    }

    pub fn register(&self, registry: &mut Registry) {
        let help = "Time that work waited for a connection, and on SQLite in the write queue";
        registry.register("database_connection_wait_seconds", help, self.waits.clone());
        self.failures.register(registry, "database_given_up", "Database work without a result in time");
    }
}
