use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use server_kit::metrics::{BUCKETS, LabelledCounter};

/// There was no connection in time.
pub const NO_CONNECTION: &str = "no_connection";
/// There was one, and no answer in time.
pub const OVERDUE: &str = "overdue";

/// How long work waits for a connection, and how often it gives up.
#[derive(Clone)]
pub struct DatabaseMetrics {
    waits: Histogram,
    given_up: LabelledCounter,
}

impl Default for DatabaseMetrics {
    fn default() -> Self {
        Self {
            waits: Histogram::new(BUCKETS),
            given_up: LabelledCounter::new("reason", [NO_CONNECTION, OVERDUE]),
        }
    }
}

impl DatabaseMetrics {
    pub fn waited(&self, time: Duration) {
        self.waits.observe(time.as_secs_f64());
    }

    pub fn gave_up(&self, reason: &'static str) {
        self.given_up.count(reason);
    }

    pub fn register(&self, registry: &mut Registry) {
        let help = "Time that work waited for a connection, and on SQLite for its turn to write";
        registry.register("database_connection_wait_seconds", help, self.waits.clone());
        self.given_up.register(registry, "database_given_up", "Work that waited for the database in vain");
    }
}
